//! Programs of the command line.

use std::fs;

use super::Stage;
use crate::runtime::Run;

pub(super) fn ripgrep(stage: &Stage) {
    stage.file("one.txt", "first line\nsecond line\n");
    // UTF-16, as editors elsewhere write it.
    let wide: Vec<u8> = "\u{feff}second wide\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    stage.file("two.txt", wide);
    let how = Run {
        binds: vec![(stage.dir().to_owned(), "/desk".into())],
        ..Run::default()
    };
    let found = stage
        .run_with(
            &["/usr/bin/rg", "--sort=path", "^se[c]ond", "/desk"],
            how.clone(),
        )
        .well();
    assert_eq!(
        found,
        "/desk/one.txt:second line\n/desk/two.txt:second wide\n"
    );
    let none = stage.run_with(&["/usr/bin/rg", "nothing", "/desk"], how);
    assert_eq!(none.status.code(), Some(1));
}

pub(super) fn bash(stage: &Stage) {
    let script = "set -euo pipefail
word=grün
echo ${#word} ${word^^}
printf 'b\\na\\nc\\n' | sort -r | head -n 2 | tr '\\n' ' '
echo 'a1 b22' | grep -oP '\\d+' | gawk '{ sum += $1 } END { print sum }'
echo hello | sed 's/l\\+/L/'
printf '%s\\n' ä | wc -m
date -u -d '2026-11-24 +1 day' +%F
mapfile -t lines < <(seq 3); echo ${lines[2]} $((6 * 7))
[[ abc =~ ^a(.)c$ ]] && echo ${BASH_REMATCH[1]}
sha256sum < /dev/null | cut -c 1-8
";
    let output = stage.call(&["-c", script]).well();
    assert_eq!(
        output,
        "4 GRÜN\nc b 23\nheLo\n2\n2026-11-25\n3 42\nb\ne3b0c442\n"
    );
}

pub(super) fn busybox(stage: &Stage) {
    let script = "echo $((6 * 7)) | busybox sed s/4/x/; printf 'b\\na\\n' | busybox sort | busybox gzip | busybox zcat";
    assert_eq!(stage.call(&["sh", "-c", script]).well(), "x2\na\nb\n");
    stage.file("index.html", "It works.");
    let args = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"].map(str::to_owned);
    let mut server = stage.serve_with(&Run {
        args: Some(args.into()),
        binds: vec![(stage.dir().to_owned(), "/www".into())],
        ..Run::default()
    });
    assert_eq!(server.fetch(&["http://localhost:8080/"]), "It works.");
    let page = server
        .exec(&[
            "/bin/busybox",
            "wget",
            "-q",
            "-O",
            "-",
            "http://localhost:8080/",
        ])
        .well();
    assert_eq!(page, "It works.");
}

/// A program of curses: types a line, saves it (^O, Enter) and quits (^X).
pub(super) fn nano(stage: &Stage) {
    let finished = stage.run_with(
        &["/usr/bin/nano", "/desk/note.txt"],
        Run {
            terminal: true,
            stdin: b"gr\xc3\xbcn\x0f\r\x18".into(),
            ..Run::default()
        },
    );
    let text = finished.text();
    assert!(finished.status.success(), "{text}");
    let note = fs::read_to_string(stage.rootfs().join("desk/note.txt"));
    assert_eq!(note.ok().as_deref(), Some("grün\n"), "{text}");
    assert!(text.contains("\u{1b}["), "it moved the cursor: {text}");
}
