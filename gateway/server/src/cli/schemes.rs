//! `sluicegate schemes`: the signature schemes, and what each needs.

use serde_json::{Value, json};
use sluicegate_admission::handshake::Asks;
use sluicegate_admission::{Fact, Own, Preset, Proof, preset};

use super::table::Table;
use super::{CommandFault, say};

/// What `schemes` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints one line for each scheme.
pub(super) fn print(arguments: &Arguments) -> Result<(), CommandFault> {
    if arguments.json {
        let all: Vec<Value> = preset::ALL.iter().map(as_json).collect();
        say(&Value::from(all).to_string());
        return Ok(());
    }
    let mut table = Table::new(&["scheme", "provider", "proof", "key", "needs", "handshakes"]);
    for preset in preset::ALL {
        let row = [
            preset.name,
            preset.title,
            proof(preset),
            preset.needs,
            &needs(preset).join(", "),
            &handshakes(preset).join(", "),
        ];
        table.row(row.map(str::to_owned).to_vec());
    }
    let own = "described under `generic`";
    table.row(["generic", "any HMAC in a header", "hmac", own, "", ""].map(str::to_owned).to_vec());
    let nothing = ["none", "no proof at all", "none", "nothing, and is said openly", "", ""];
    table.row(nothing.map(str::to_owned).to_vec());
    table.print();
    Ok(())
}

fn as_json(preset: &Preset) -> Value {
    json!({
        "name": preset.name,
        "aliases": preset.aliases,
        "title": preset.title,
        "proof": proof(preset),
        "key": preset.needs,
        "needs": needs(preset),
        "handshakes": handshakes(preset),
        "dedupe": dedupe(preset),
        "ack_seconds": preset.ack_s,
    })
}

/// What proves the sender, in one word.
fn proof(preset: &Preset) -> &'static str {
    match preset.proof {
        Proof::Hmac if preset.public.is_some() => "hmac or public key",
        Proof::Hmac => "hmac",
        Proof::Token(_) => "token",
        Proof::PublicKey => "public key",
        Proof::Own(Own::Sns | Own::PayPal) => "certificate",
        Proof::Own(Own::Mailgun | Own::AdyenItems) => "hmac in the payload",
        Proof::Own(Own::Connect | Own::Jwt) => "jwt",
        Proof::Own(Own::Oidc) => "openid token",
        Proof::Own(Own::PaddleClassic) => "rsa in the form",
        Proof::Own(Own::Composed(_)) => "listed headers",
    }
}

/// What the source's configuration and the gateway's network must give beside the key.
fn needs(preset: &Preset) -> Vec<&'static str> {
    let token = preset.handshakes.iter().any(|one| matches!(one.asks, Asks::Token(_)));
    let origins = preset.handshakes.iter().any(|one| one.asks == Asks::Origin);
    [
        (preset.needs_public_url(), "public_url"),
        (preset.needs_fetch(), "https out"),
        (token, "handshake.token"),
        (origins, "handshake.origins"),
    ]
    .into_iter()
    .filter_map(|(needed, what)| needed.then_some(what))
    .collect()
}

fn handshakes(preset: &Preset) -> Vec<&'static str> {
    preset.handshakes.iter().map(|one| one.name).collect()
}

/// By what a repeated delivery is known, the first that is there, as the configuration writes it;
/// `signature`: by what is signed.
fn dedupe(preset: &Preset) -> Vec<String> {
    let signed = matches!(preset.proof, Proof::Own(Own::PayPal | Own::Mailgun | Own::AdyenItems));
    let place = |fact: &Fact| match fact {
        Fact::Header(name) => format!("header:{name}"),
        Fact::Pointer(pointer) => format!("pointer:{pointer}"),
        Fact::Form(field) => format!("form:{field}"),
    };
    let places = preset.dedupe.iter().map(place);
    places.chain(signed.then(|| "signature".to_owned())).collect()
}
