//! Some of the thousand packages that were drawn from the archive (`examples/thousand`): alone in a minimal image each loads
//! what it offers, says what it is, or listens, and complains of nothing, which no installation can do better.

mod common;

use common::thousand::{Drawn, image};

/// The smaller ones of the families whose first samples pass.
const SAMPLE: [&str; 16] = [
    "python3-pyxattr",
    "python3-colorlog",
    "python3-pluginbase",
    "libmu-tiny-perl",
    "libsereal-perl",
    "ruby-cutest",
    "node-readdirp",
    "phpunit-object-enumerator",
    "lua-zip",
    "lua-inspect",
    "lua-sec",
    "tcl-itcl4",
    "erlang-poolboy",
    "osmo-gtphub",
    "i2pd",
    "numad",
];

#[test]
fn packages_drawn_by_lot_do_in_their_images_what_their_files_offer() {
    if mikron_live::mirror::mirror().is_none() {
        return;
    }
    let list = include_str!("../examples/thousand/packages.txt");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<Drawn> = lines.map(Drawn::read).collect();
    let complaint = |name: &&str| {
        // One that is a program and a service is asked for more as a service.
        let drawn = lines.iter().rfind(|drawn| drawn.name() == *name);
        let drawn = drawn.expect("it is in the list");
        let outcome = match image(drawn)? {
            Ok(image) => image.ask()?,
            Err(found) => return Some(format!("{name}: {found:?}")),
        };
        (!outcome.is_well()).then(|| format!("{name}: {}", outcome.complaints()))
    };
    let halves = SAMPLE.chunks(SAMPLE.len().div_ceil(2));
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .map(|half| scope.spawn(|| half.iter().filter_map(complaint).collect::<Vec<_>>()))
            .collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect()
    });
    assert!(complaints.is_empty(), "{complaints:#?}");
}
