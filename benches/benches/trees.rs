//! A tree of one's own beside `tar | zstd -19 -T2` of the same: cold at no less than half its speed, and warm in a tenth of the cold time.
//!
//! `cargo bench -p mikron-benches --bench trees [-- FILES]`; 100,000 files if nothing is said.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mikron::{Builder, Output};
use mikron_testkit::tools::find;

/// Of a thousand files one is a large one.
const LARGE: usize = 1000;

/// A tree like that of a program with its modules: code in many small files, a few large ones, 50 to a directory.
fn grow(root: &Path, files: usize) -> std::io::Result<()> {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for number in 0..files {
        let dir = root.join(format!("modules/m{}/lib{}", number / 500, number / 50 % 10));
        if number % 50 == 0 {
            fs::create_dir_all(&dir)?;
        }
        let lines = if number % LARGE == 0 {
            8000
        } else {
            1 + random() % 60
        };
        let mut text = String::new();
        for line in 0..lines {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "exports.f{line} = (a, b) => a.get({}) + b.{:x};",
                random() % 100,
                random()
            );
        }
        fs::write(dir.join(format!("f{number}.js")), text)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let files = std::env::args().find_map(|argument| argument.parse().ok());
    let files: usize = files.unwrap_or(100_000);
    let home = tempfile::tempdir()?;
    grow(&home.path().join("tree"), files)?;
    let spec = "mikron: 1\nname: tree\nfiles: [{ path: /srv/app, from: tree }]\n";
    fs::write(home.path().join("tree.yaml"), spec)?;
    // What was written just now is read again: it has to settle.
    std::thread::sleep(Duration::from_secs(4));

    let peer = match (find("tar"), find("zstd")) {
        (Some(_), Some(_)) => {
            let begin = Instant::now();
            let mut command = Command::new("sh");
            command.args(["-c", "tar -cf - tree | zstd -q -19 -T2 > tree.tar.zst"]);
            let status = command.current_dir(home.path()).status()?;
            status.success().then(|| begin.elapsed())
        }
        _ => None,
    };
    let build = || -> Result<Duration, Box<dyn Error>> {
        let begin = Instant::now();
        let builder = Builder::from_file(home.path().join("tree.yaml"))?;
        let builder = builder.cache(home.path().join("cache")).jobs(2);
        builder
            .output(Output::layout(home.path().join("out"), "latest"))
            .build()?;
        Ok(begin.elapsed())
    };
    let cold = build()?;
    let warm = build()?;
    println!("{files} files");
    if let Some(peer) = peer {
        let speed = peer.as_secs_f64() / cold.as_secs_f64();
        println!("tar | zstd -19 -T2   {:8.2} s", peer.as_secs_f64());
        println!(
            "cold                 {:8.2} s   {:.0} % of its speed (at least 50)",
            cold.as_secs_f64(),
            100.0 * speed
        );
    } else {
        println!(
            "cold                 {:8.2} s   (tar and zstd are not installed)",
            cold.as_secs_f64()
        );
    }
    let part = 100.0 * warm.as_secs_f64() / cold.as_secs_f64();
    println!(
        "warm                 {:8.2} s   {part:.1} % of the cold time (at most 10)",
        warm.as_secs_f64()
    );
    Ok(())
}
