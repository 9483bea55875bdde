//! Tries ten images of the battery that are whole, and ten with a hole made on purpose.
//!
//! `cargo run --release -p mikron-live --example trials -- [NAME…]` prints what `mikron try` says of each, and ends with 1 where a hole is not found, is
//! not mended by the lines that are to mend it, or something is said to be lacking in an image that is whole.
#![allow(clippy::unwrap_used)] // what fails here is shown and ends the run

mod cases;
#[path = "../../tests/common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::trial::{Outcome, play};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let all = cases::WHOLE.iter().chain(&cases::HOLES);
    let chosen =
        all.filter(|case| wanted.is_empty() || wanted.iter().any(|name| name == case.spec));
    let mut wrong = false;
    println!("| spec | hole | lacking | mended by | |");
    println!("|---|---|---|---|---|");
    for case in chosen {
        let Some(outcome) = play(case.spec, case.hole, case.command) else {
            return ExitCode::from(2);
        };
        let Outcome {
            lacking,
            lines,
            mended,
        } = &outcome;
        let right = mended.unwrap_or(case.hole.is_empty() && lacking.is_empty());
        wrong |= !right;
        let verdict = if right { "" } else { "**wrong**" };
        let lines = lines.join(", ");
        println!(
            "| {} | `{}` | {} | `{lines}` | {verdict} |",
            case.spec,
            case.hole,
            lacking.join(", ")
        );
    }
    ExitCode::from(u8::from(wrong))
}
