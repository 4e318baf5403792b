//! Known answers for signatures: the project's own, and a larger file where one is named by
//! `SLUICEGATE_VECTORS`.

use sluicegate_admission::vectors::{Answer, run};

#[test]
fn every_known_answer_is_given() {
    let own = run(include_str!("vectors.json")).unwrap();
    assert_eq!(own.unsupported(), 0, "{:#?}", own.answers);
    assert!(own.passed() >= 180, "{own}");
    let more = std::env::var("SLUICEGATE_VECTORS").ok();
    let more = more.map(|file| run(&std::fs::read_to_string(file).unwrap()).unwrap());
    for report in [Some(own), more].into_iter().flatten() {
        let failed = report.answers.iter().filter(|one| matches!(one, Answer::Failed { .. }));
        let unknown = report.answers.iter().filter(|one| matches!(one, Answer::Unsupported { .. }));
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&Answer>::new(), "{report}");
        assert_eq!(failed.collect::<Vec<_>>(), Vec::<&Answer>::new(), "{report}");
    }
}

#[test]
fn what_is_not_a_list_of_known_answers_is_a_fault() {
    for bad in ["", "{}", r#"[{"id":"x"}]"#] {
        assert!(run(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_wrong_answer_is_reported_with_its_reason_and_an_unknown_scheme_is_said() {
    let lines = r#"[
        {"id":"a","scheme":"hub-sha256","secret":"s","headers":{},"body":"","expected":"valid"},
        {"id":"b","scheme":"morse","secret":"s","headers":{},"body":"","expected":"valid"}
    ]"#;
    let report = run(lines).unwrap();
    assert_eq!(report.to_string(), "0 passed, 1 failed, 1 unsupported");
    let Some(Answer::Failed { id, why }) = report.answers.first() else { panic!("{report}") };
    assert!(id == "a" && why.contains("x-hub-signature-256 is missing"), "{why}");
}
