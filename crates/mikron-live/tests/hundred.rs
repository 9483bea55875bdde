//! Six of the hundred programs that were drawn from the archive (`examples/hundred`): in its minimal image each does as it
//! does with everything installed that its package depends on.

mod common;

use common::compare::{Verdict, compare};

/// The packages of the sample: every seventeenth line of the list.
const EVERY: usize = 17;

#[test]
fn programs_drawn_by_lot_run_in_their_images_as_they_do_in_whole_closures() {
    if mikron_live::mirror::mirror().is_none() {
        return;
    }
    let list = include_str!("../examples/hundred/programs.txt");
    let programs = list.lines().filter(|line| !line.starts_with('#'));
    let sample: Vec<&str> = programs.step_by(EVERY).collect();
    assert_eq!(sample.len(), 6);
    let compared = |line: &&str| {
        let (package, program) = line.split_once(' ').expect("a package and a program");
        match compare(package, program, None)? {
            Verdict::AsWell { .. } => None,
            verdict => Some(format!("{package}: {verdict:?}")),
        }
    };
    let worse: Vec<String> = std::thread::scope(|scope| {
        let threads = sample
            .iter()
            .map(|line| scope.spawn(move || compared(line)));
        let threads: Vec<_> = threads.collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect()
    });
    assert!(worse.is_empty(), "{worse:#?}");
}
