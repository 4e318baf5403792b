//! Messages are put together as they were sent, what lapin would break on does not reach it, and
//! everything else does, byte for byte.

use lapin::BasicProperties;
use lapin::types::AMQPValue;
use proptest::prelude::*;

use super::*;

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(channel.to_be_bytes());
    bytes.extend((payload.len() as u32).to_be_bytes());
    bytes.extend(payload);
    bytes.push(END);
    bytes
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

/// The same frames on another channel.
fn on(channel: u8, mut frame: Vec<u8>) -> Vec<u8> {
    frame[2] = channel;
    frame
}

fn deliver(tag: u64, key: &[u8]) -> Vec<u8> {
    let head = [&[0, 60, 0, 60][..], &short(b"consumer"), &tag.to_be_bytes(), &[0]].concat();
    frame(METHOD, 1, &[head, short(b"exchange"), short(key)].concat())
}

fn header(body_bytes: u64, table: Option<&[u8]>) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend(body_bytes.to_be_bytes());
    let flags = if table.is_some() { properties::HEADERS } else { 0 };
    payload.extend(flags.to_be_bytes());
    if let Some(table) = table {
        payload.extend((table.len() as u32).to_be_bytes());
        payload.extend(table);
    }
    frame(HEADER, 1, &payload)
}

/// A table in a table, and so on.
fn nested(depth: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..depth {
        let length = (inner.len() as u32).to_be_bytes();
        inner = [&short(b"n")[..], b"F", &length, &inner].concat();
    }
    inner
}

/// What lapin gets, and what we get.
fn passed(guard: &mut Guard, bytes: &[u8]) -> (Vec<u8>, Vec<Delivered>) {
    let mut out = Vec::new();
    let mut tap = guard.taps.open(1, 99);
    guard.pass(bytes, &mut out).unwrap();
    (out, tap.close())
}

/// A guard of bodies of up to five bytes.
fn guard() -> Guard {
    Guard::new(5, Arc::default())
}

fn delivered(tag: u64, content: Result<&'static [u8], Unreadable>) -> Delivered {
    let (exchange, routing_key) = ("exchange".into(), "k".into());
    let content = content.map(|body| (BasicProperties::default(), body.into()));
    Delivered { tag, redelivered: false, exchange, routing_key, content }
}

#[test]
fn messages_are_ours_and_the_rest_is_handed_on_byte_for_byte() {
    let body = [frame(BODY, 1, b"hel"), frame(BODY, 1, b""), frame(BODY, 1, b"lo")].concat();
    let heartbeat = frame(8, 0, b"");
    let cancel = frame(METHOD, 1, &[&[0, 60, 0, 30][..], &short(b"consumer"), &[0]].concat());
    let all = [&deliver(1, b"a.b")[..], &header(5, None), &body, &heartbeat, &cancel].concat();
    let (out, got) = passed(&mut guard(), &all);
    assert_eq!(out, [heartbeat, cancel].concat());
    assert_eq!(got, [Delivered { routing_key: "a.b".into(), ..delivered(1, Ok(b"hello")) }]);
}

#[test]
fn properties_and_the_sign_of_a_repetition_are_read() {
    let mut first = deliver(1 << 40, b"k");
    let redelivered = first.len() - 1 - b"exchange".len() - 1 - b"k".len() - 1 - 1;
    first[redelivered] = 1;
    let table = [&short(b"n")[..], b"S\0\0\0\x02hi"].concat();
    let (_, got) = passed(&mut guard(), &[first, header(0, Some(&table))].concat());
    let [one] = &got[..] else { panic!("{got:?}") };
    assert_eq!((one.tag, one.redelivered), (1 << 40, true));
    let (properties, body) = one.content.as_ref().unwrap();
    let headers = properties.headers().as_ref().unwrap().inner();
    assert_eq!(headers.get("n"), Some(&AMQPValue::LongString("hi".into())));
    assert!(body.is_empty());
}

#[test]
fn nested_headers_are_told_and_the_next_message_comes() {
    for depth in [17, 18_000] {
        let sent = [deliver(7, b"k"), header(5, Some(&nested(depth))), frame(BODY, 1, b"hello")];
        let next = [deliver(8, b"k"), header(2, None), frame(BODY, 1, b"hi")].concat();
        let (out, got) = passed(&mut guard(), &[sent.concat(), next].concat());
        assert!(out.is_empty());
        assert_eq!(
            got,
            [delivered(7, Err(Unreadable::TooDeep)), delivered(8, Ok(b"hi"))],
            "{depth}"
        );
    }
    let (_, got) = passed(&mut guard(), &[deliver(7, b"k"), header(0, Some(&nested(15)))].concat());
    assert!(got[0].content.is_ok());
}

#[test]
fn a_body_over_the_limit_is_left_out_and_the_next_is_not() {
    let long = [frame(BODY, 1, &[1; 4]), frame(BODY, 1, &[2; 4])].concat();
    let next = [deliver(2, b"k"), header(5, None), frame(BODY, 1, b"hello")].concat();
    let sent = [deliver(1, b"k"), header(8, None), long, next].concat();
    let (_, got) = passed(&mut guard(), &sent);
    assert_eq!(got, [delivered(1, Err(Unreadable::TooLarge)), delivered(2, Ok(b"hello"))]);
}

#[test]
fn a_routing_key_that_is_not_text_makes_its_message_unreadable_and_keeps_its_tag() {
    let sent = [deliver(3, b"caf\xe9"), header(1, None), frame(BODY, 1, b"x")].concat();
    let (_, got) = passed(&mut guard(), &sent);
    let (exchange, routing_key) = Default::default();
    let nameless = Delivered { exchange, routing_key, ..delivered(3, Err(Unreadable::NotText)) };
    assert_eq!(got, [nameless]);
}

#[test]
fn names_and_types_that_are_none_are_told() {
    for (table, why) in [
        ([&short(b"\xff")[..], b"V"].concat(), Unreadable::NotText),
        ([&short(b"n")[..], b"?"].concat(), Unreadable::Broken),
        ([&short(b"n")[..], b"S\0\0\0\x09abc"].concat(), Unreadable::Broken),
        (b"\x09n".to_vec(), Unreadable::Broken),
    ] {
        let sent = [deliver(1, b"k"), header(0, Some(&table))].concat();
        assert_eq!(passed(&mut guard(), &sent).1, [delivered(1, Err(why))], "{table:?}");
    }
}

#[test]
fn messages_of_several_channels_do_not_mix_and_of_what_nobody_takes_nothing_is_kept() {
    let mut guard = guard();
    let (mut one, mut two) = (guard.taps.open(1, 9), guard.taps.open(2, 9));
    let mut out = Vec::new();
    let begin = [deliver(1, b"k"), on(2, deliver(1, b"k")), on(3, deliver(1, b"k"))].concat();
    let heads = [on(3, header(4, None)), on(2, header(2, None)), header(4, None)].concat();
    let parts = [frame(BODY, 1, b"ab"), frame(BODY, 3, b"zz"), frame(BODY, 2, b"22")].concat();
    let rest = [frame(BODY, 3, b"z"), frame(BODY, 1, b"cd")].concat();
    guard.pass(&[begin, heads, parts].concat(), &mut out).unwrap();
    assert_eq!(two.close(), [delivered(1, Ok(b"22"))]);
    assert!(guard.draft(3).unwrap().is_empty());
    guard
        .pass(
            &[rest, frame(BODY, 3, b"z"), on(2, deliver(2, b"k")), on(2, header(0, None))].concat(),
            &mut out,
        )
        .unwrap();
    assert_eq!(one.close(), [delivered(1, Ok(b"abcd"))]);
    assert!(two.close().is_empty() && out.is_empty());
}

#[test]
fn a_length_that_a_broker_claims_sets_little_aside() {
    let mut guard = Guard::new(u64::MAX, Arc::default());
    let tap = guard.taps.open(1, 9);
    guard.pass(&[deliver(1, b"k"), header(u64::MAX, None)].concat(), &mut Vec::new()).unwrap();
    drop(tap);
}

#[test]
fn more_messages_than_may_come_end_the_connection() {
    let mut guard = guard();
    let _tap = guard.taps.open(1, 2);
    let one = [deliver(1, b"k"), header(0, None)].concat();
    assert_eq!(guard.pass(&one.repeat(2), &mut Vec::new()), Ok(()));
    assert_eq!(guard.pass(&one, &mut Vec::new()), Err(GuardFault::Overflow));
}

#[test]
fn a_returned_message_is_lapins_and_one_that_cannot_be_read_comes_without_content() {
    let returned = [&[0, 60, 0, 50, 0, 0][..], &short(b""), &short(b"e"), &short(b"k")].concat();
    let returned = frame(METHOD, 1, &returned);
    let sent = [&returned[..], &header(5, Some(&nested(3))), &frame(BODY, 1, b"hello")].concat();
    assert_eq!(passed(&mut guard(), &sent), (sent.clone(), vec![]));
    let ack = frame(METHOD, 1, &[0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    for unreadable in [header(5, Some(&nested(18_000))), header(6, None)] {
        let body = [frame(BODY, 1, b"hel"), frame(BODY, 1, b"loo")].concat();
        let (out, _) = passed(&mut guard(), &[&returned[..], &unreadable, &body, &ack].concat());
        assert_eq!(out, [&returned[..], &frame(HEADER, 1, &NO_CONTENT), &ack].concat());
    }
    assert_eq!(properties::read(&NO_CONTENT), (0, Ok(BasicProperties::default())));
}

#[test]
fn pieces_that_do_not_belong_together_end_the_connection() {
    let (begin, head, body) = (deliver(1, b"k"), header(3, None), frame(BODY, 1, b"abcd"));
    let cut = frame(METHOD, 1, &[0, 60, 0, 60, 1, b'c', 0, 0]);
    for sent in [
        [&begin[..], &body],
        [&begin, &[&head[..], &head].concat()],
        [&[&begin[..], &head].concat(), &body],
        [&[&begin[..], &head].concat(), &begin],
        [&cut, &head],
    ] {
        let mut out = Vec::new();
        assert_eq!(guard().pass(&sent.concat(), &mut out), Err(GuardFault::Message));
        assert!(out.is_empty());
    }
    let mut endless = frame(BODY, 1, b"abc");
    *endless.last_mut().unwrap() = 0;
    let sent = [begin, head, endless].concat();
    assert_eq!(guard().pass(&sent, &mut Vec::new()), Err(GuardFault::NoEnd));
}

#[test]
fn what_only_clients_send_ends_the_connection() {
    let deep = nested(18_000);
    let table = [&(deep.len() as u32).to_be_bytes()[..], &deep].concat();
    // basic.consume, queue.declare, exchange.declare, connection.start-ok, one that is none, none.
    for (class, method) in [(60, 20), (50, 10), (40, 10), (10, 11), (99, 10), (30, 10), (90, 10)] {
        let payload = [&[0, class, 0, method][..], &table].concat();
        let sent = frame(METHOD, 1, &payload);
        let mut out = Vec::new();
        assert_eq!(guard().pass(&sent, &mut out), Err(GuardFault::Method));
        assert!(out.is_empty(), "{class} {method}");
    }
    let mut out = Vec::new();
    assert_eq!(guard().pass(&frame(METHOD, 1, &[0]), &mut out), Err(GuardFault::Method));
}

#[test]
fn after_the_name_of_another_protocol_frames_are_looked_at_again() {
    let (mut guard, mut out) = (guard(), Vec::new());
    let sent = [&b"AMQP\x00\x00\x09\x01"[..], &frame(METHOD, 1, &[0, 60, 0, 20])].concat();
    assert_eq!(guard.pass(&sent, &mut out), Err(GuardFault::Method));
    assert_eq!(out, b"AMQP\x00\x00\x09\x01");
}

#[test]
fn a_stream_that_is_no_frames_ends_the_connection() {
    let mut out = Vec::new();
    let large = [&[METHOD, 0, 1][..], &u32::MAX.to_be_bytes()].concat();
    assert_eq!(guard().pass(&large, &mut out), Err(GuardFault::FrameTooLarge));
    let over = [&[METHOD, 0, 1][..], &(FRAME_MAX - 7).to_be_bytes()].concat();
    assert_eq!(guard().pass(&over, &mut out), Err(GuardFault::FrameTooLarge));
    let mut endless = header(0, None);
    *endless.last_mut().unwrap() = 0;
    assert_eq!(guard().pass(&endless, &mut out), Err(GuardFault::NoEnd));
    let other = b"AMQP\x03\x01\x00\x00";
    assert_eq!(passed(&mut guard(), other).0, other);
}

proptest! {
    #[test]
    fn where_the_stream_is_cut_changes_nothing(cuts in prop::collection::vec(1_usize..40, 1..40)) {
        let all = [
            deliver(1, b"caf\xe9"), header(3, None), frame(BODY, 1, b"abc"),
            deliver(2, b"k"), header(9, None), frame(BODY, 1, b"123456789"),
            frame(8, 0, b""), deliver(3, b"k"), header(2, Some(&nested(3))), frame(BODY, 1, b"hi"),
        ].concat();
        let whole = passed(&mut guard(), &all);
        let (mut guard, mut out, mut rest) = (guard(), Vec::new(), all.as_slice());
        let mut tap = guard.taps.open(1, 99);
        for cut in cuts.iter().cycle() {
            let (part, after) = rest.split_at((*cut).min(rest.len()));
            guard.pass(part, &mut out).unwrap();
            rest = after;
            if rest.is_empty() { break }
        }
        prop_assert_eq!((out, tap.close()), whole);
    }

    #[test]
    fn a_stream_with_a_few_bytes_changed_is_read_alike_in_pieces_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut all = [
            deliver(1, b"k"), header(5, Some(&nested(3))), frame(BODY, 1, b"hello"),
            deliver(2, b"k"), header(9, Some(&nested(17))), frame(BODY, 1, b"123456789"),
            frame(8, 0, b""), deliver(3, b"k"), header(0, None),
        ].concat();
        for (at, to) in changes {
            let at = at.index(all.len());
            all[at] = to;
        }
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        let (mut at_once, mut in_two) = (guard(), guard());
        let mut taps = [at_once.taps.open(1, 99), in_two.taps.open(1, 99)];
        let said = at_once.pass(&all, &mut whole);
        let (first, second) = all.split_at(cut.index(all.len()));
        let in_pieces =
            in_two.pass(first, &mut pieces).and_then(|()| in_two.pass(second, &mut pieces));
        prop_assert_eq!(said, in_pieces);
        prop_assert_eq!(whole, pieces);
        let [all_of_one, all_of_two] = taps.each_mut().map(|tap| tap.close());
        prop_assert_eq!(all_of_one, all_of_two);
    }

    #[test]
    fn no_stream_makes_it_panic(parts in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let (mut guard, mut out) = (Guard::new(100, Arc::default()), Vec::new());
        for part in parts {
            if guard.pass(&part, &mut out).is_err() { break }
        }
    }

    #[test]
    fn no_frame_makes_it_panic(kind in 1_u8..9, channel: u16, payload: Vec<u8>) {
        let mut out = Vec::new();
        let mut guard = Guard::new(100, Arc::default());
        let _ = guard.pass(&frame(kind, channel, &payload), &mut out); // Either is right.
    }
}
