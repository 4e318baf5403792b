//! AMQP in and out, with a real RabbitMQ (`apt-get install rabbitmq-server`).

mod bad_input;
mod bench;
mod cloudevents;
mod config;
mod counts;
mod faults;
mod kills;
mod pika;
mod setup;
mod signed;
mod sink;
mod source;
mod tls;
