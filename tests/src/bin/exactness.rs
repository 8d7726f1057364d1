//! Prints the exactness table as Markdown: every case with every variant. Ends with 1 when any cell failed.
//! `exactness WORD` takes the cases whose scene, switches or purpose have the word.

use std::process::ExitCode;

use td_tests::exactness::{Case, VARIANTS, run, table::CASES};

fn main() -> ExitCode {
    let word = std::env::args().nth(1).unwrap_or_default();
    let named = |case: &Case| case.title().contains(&word) || case.about.contains(&word);
    let cases: Vec<Case> = CASES.iter().copied().filter(named).collect();
    let (text, failed) = run::table(&cases, &VARIANTS, |title| eprintln!("{title}"));
    println!("{text}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
