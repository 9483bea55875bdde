//! A release as large as the public ones, made by rule: same shapes, other names.
#![allow(dead_code, unreachable_pub)] // each user takes a part of it

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// The head of a release.
pub fn head(format: &str) -> String {
    format!(
        "\
format: {format}

maintenance:
  standard: 2024-04-25
  end-of-life: 2036-04-29

archives:
  main:
    version: 24.04
    components: [main, universe]
    suites: [noble, noble-security, noble-updates]
    public-keys: [archive-key]

public-keys:
  archive-key:
    id: 0123456789ABCDEF
    armor: |
      -----BEGIN PGP PUBLIC KEY BLOCK-----

      bm90IGEga2V5
      -----END PGP PUBLIC KEY BLOCK-----
"
    )
}

/// The files of a release of format v1 with `packages` packages, some three slices and forty paths each: name and text.
pub fn release(packages: usize) -> Vec<(String, String)> {
    let mut files = vec![("chisel.yaml".to_owned(), head("v1"))];
    for number in 0..packages {
        files.push((format!("slices/{}.yaml", name(number)), package(number)));
    }
    files
}

/// Writes a release into a directory.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(directory: &Path, packages: usize) -> io::Result<()> {
    fs::create_dir_all(directory.join("slices"))?;
    for (name, text) in release(packages) {
        fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// The name of a package.
pub fn name(number: usize) -> String {
    let stems = ["lib", "python3-", "node-", "tool-", "gcc-14-"];
    format!("{}made{number}", stems[number % stems.len()])
}

fn package(number: usize) -> String {
    let name = name(number);
    let mut text = format!("package: {name}\n\nessential:\n  - {name}_copyright\n\nslices:\n");
    let slice = |text: &mut String, slice: &str, needed: &[String]| {
        let _ = writeln!(text, "  {slice}:");
        if !needed.is_empty() {
            let _ = writeln!(text, "    essential:");
            for other in needed {
                let _ = writeln!(text, "      - {other}");
            }
        }
        let _ = writeln!(text, "    contents:");
    };
    // Each package needs libraries of those before it.
    let below = |steps: usize| match number.checked_sub(steps) {
        Some(other) => vec![format!("{}_libs", self::name(other))],
        None => Vec::new(),
    };
    slice(&mut text, "libs", &[below(1), below(7)].concat());
    for at in 0..4 + number % 5 {
        let _ = writeln!(
            text,
            "      /usr/lib/*-linux-*/lib{name}-{at}.so.{}*:",
            at + 1
        );
    }
    // What an architecture has for itself.
    let _ = writeln!(
        text,
        "      /usr/lib/{name}/tables.bin: {{arch: [amd64, arm64]}}"
    );
    if number % 10 < 3 {
        slice(
            &mut text,
            "bins",
            &[format!("{name}_libs"), format!("{name}_config")],
        );
        for at in 0..12 {
            let _ = writeln!(text, "      /usr/bin/{name}-{at}:");
        }
        let _ = writeln!(
            text,
            "      /usr/bin/{name}: {{symlink: /usr/bin/{name}-0}}"
        );
    }
    slice(&mut text, "config", &[]);
    let _ = writeln!(text, "      # Where the program looks first.");
    let _ = writeln!(
        text,
        "      /etc/{name}/{name}.conf: {{text: \"level = 1\\n\", mutable: true}}"
    );
    let _ = writeln!(
        text,
        "      /etc/{name}/conf.d/: {{make: true, mode: 0755}}"
    );
    let _ = writeln!(text, "      /usr/share/{name}/defaults: {{until: mutate}}");
    let _ = writeln!(
        text,
        "    mutate: |\n      defaults = content.read(\"/usr/share/{name}/defaults\")\n      \
         content.write(\"/etc/{name}/{name}.conf\", defaults + \"level = 2\\n\")"
    );
    for at in 0..(number % 20) * 3 {
        if at == 0 {
            // A few packages list their files one by one.
            slice(&mut text, "core", &[format!("{name}_libs")]);
        }
        let _ = writeln!(
            text,
            "      /usr/share/{name}/modules/part_{}/module_{at}.py:",
            at / 10
        );
    }
    slice(&mut text, "copyright", &[]);
    let _ = writeln!(text, "      /usr/share/doc/{name}/copyright:");
    text
}
