//! Scripts over what was selected: what they may touch, and what is left.

use std::collections::BTreeMap;
use std::io;

use mikron_package::RootPath;
use mikron_slices::{
    Applied, Mutated, Node, ScriptErrorKind, ScriptLimits, Selection, SliceError, SliceErrorKind,
    Stage, StageError, mutate,
};

use crate::{entries, fixture, good, keys, path, selected};

/// A tree in memory.
#[derive(Default)]
struct Memory(BTreeMap<RootPath, Held>);

enum Held {
    File(Vec<u8>),
    Directory,
    Link(Vec<u8>),
}

fn node(held: &Held) -> Node {
    match held {
        Held::File(data) => Node::File {
            size: data.len() as u64,
        },
        Held::Directory => Node::Directory,
        Held::Link(target) => Node::Link(target.clone()),
    }
}

impl Memory {
    fn with(files: &[(&str, &str)]) -> Self {
        let mut memory = Self::default();
        for (name, text) in files {
            let path = path(name);
            for above in path.ancestors() {
                memory.0.entry(above).or_insert(Held::Directory);
            }
            let held = match text.strip_prefix("-> ") {
                Some(target) => Held::Link(target.as_bytes().to_vec()),
                None if name.ends_with('/') => Held::Directory,
                None => Held::File(text.as_bytes().to_vec()),
            };
            memory.0.insert(path, held);
        }
        memory
    }

    fn text(&self, name: &str) -> String {
        match self.0.get(&path(name)) {
            Some(Held::File(data)) => String::from_utf8_lossy(data).into_owned(),
            _ => panic!("{name} is no file"),
        }
    }
}

impl Stage for Memory {
    fn look(&mut self, path: &RootPath) -> io::Result<Option<Node>> {
        Ok(self.0.get(path).map(node))
    }

    fn read(&mut self, path: &RootPath) -> io::Result<Vec<u8>> {
        match self.0.get(path) {
            Some(Held::File(data)) => Ok(data.clone()),
            _ => Err(io::Error::other("no file")),
        }
    }

    fn write(&mut self, path: &RootPath, data: &[u8]) -> io::Result<()> {
        self.0.insert(path.clone(), Held::File(data.to_vec()));
        Ok(())
    }

    fn list(&mut self, path: &RootPath) -> io::Result<Vec<(Vec<u8>, Node)>> {
        let inside = self
            .0
            .iter()
            .filter(|(name, _)| name.parent().as_ref() == Some(path));
        let named =
            inside.map(|(name, held)| (name.file_name().unwrap_or_default().to_vec(), node(held)));
        Ok(named.collect())
    }
}

fn apply(selection: &Selection, packages: &[(&str, &[&str])]) -> Vec<Applied> {
    let each = packages.iter().map(|(name, lines)| {
        let applied = selection.apply(&name.parse().expect(name), &entries(lines));
        applied.unwrap_or_else(|errors| panic!("{}", errors[0]))
    });
    each.collect()
}

const CERTIFICATES: [&str; 4] = [
    "/usr/share/ca-certificates/mozilla/",
    "/usr/share/ca-certificates/mozilla/One.crt",
    "/usr/share/ca-certificates/mozilla/Two.crt",
    "/usr/share/doc/ca-certificates/copyright",
];

#[test]
fn certificates_become_a_bundle() {
    let selection = selected(&fixture(), &["ca-certificates_bundle"]);
    let openssl = [
        "/usr/lib/ssl/certs -> /etc/ssl/certs",
        "/usr/share/doc/openssl/copyright",
    ];
    let applied = apply(
        &selection,
        &[("ca-certificates", &CERTIFICATES), ("openssl", &openssl)],
    );
    let mut stage = Memory::with(&[
        ("/etc/ssl/certs/ca-certificates.crt", "to be made"),
        ("/usr/share/ca-certificates/mozilla/Two.crt", "two\n"),
        ("/usr/share/ca-certificates/mozilla/One.crt", "one\n"),
    ]);
    let mutated = mutate(&selection, &applied, &mut stage, &ScriptLimits::default()).unwrap();
    assert_eq!(
        stage.text("/etc/ssl/certs/ca-certificates.crt"),
        "one\ntwo\n"
    );
    let written: Vec<_> = mutated.written.into_iter().collect();
    assert_eq!(
        written,
        [(
            path("/etc/ssl/certs/ca-certificates.crt"),
            keys(&["ca-certificates_bundle"])
        )]
    );
    let folder = "/usr/share/ca-certificates/mozilla";
    let gone = [
        path(&format!("{folder}/One.crt")),
        path(&format!("{folder}/Two.crt")),
    ];
    assert_eq!(mutated.removed, gone);
    assert_eq!(mutated.emptied, [path(folder)]);
}

#[test]
fn scripts_run_in_the_order_of_the_selection() {
    let selection = selected(&fixture(), &["ca-certificates_all"]);
    let openssl = [
        "/usr/lib/ssl/certs -> /etc/ssl/certs",
        "/usr/share/doc/openssl/copyright",
    ];
    let applied = apply(
        &selection,
        &[("ca-certificates", &CERTIFICATES), ("openssl", &openssl)],
    );
    let mut stage = Memory::with(&[
        ("/etc/ssl/certs/ca-certificates.crt", ""),
        ("/etc/ca-certificates.conf", ""),
        ("/usr/share/ca-certificates/mozilla/One.crt", "1"),
        ("/usr/share/ca-certificates/mozilla/Two.crt", "2"),
    ]);
    // By the trait object, by a reference, and in a box: all are stages.
    let mut boxed: Box<dyn Stage + '_> = Box::new(&mut stage);
    let mutated = mutate(&selection, &applied, &mut boxed, &ScriptLimits::default()).unwrap();
    drop(boxed);
    assert_eq!(
        stage.text("/etc/ca-certificates.conf"),
        "mozilla/One.crt\nmozilla/Two.crt\n"
    );
    assert!(mutated.removed.is_empty());
}

/// Runs a script as that of a slice with these contents, over these files.
fn run_in(
    contents: &str,
    files: &[(&str, &str)],
    script: &str,
) -> Result<(Mutated, Memory), SliceError> {
    let indented: String = script
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    let text = format!(
        "package: aa\nslices:\n  bins:\n    contents:\n{contents}\n    mutate: |\n{indented}"
    );
    let selection = selected(&good("v1", &[&text]), &["aa_bins"]);
    let lines = [
        "/p/",
        "/p/open",
        "/p/shut",
        "/p/link -> open",
        "/p/out -> /other",
        "/p/loop -> loop",
        "/p/hard => /p/shut",
        "/p/sub/",
    ];
    let applied = apply(&selection, &[("aa", &lines)]);
    let mut stage = Memory::with(files);
    let mutated = mutate(&selection, &applied, &mut stage, &ScriptLimits::default())?;
    Ok((mutated, stage))
}

const CONTENTS: &str =
    "      /p/**:\n      /etc/made: {text: start, mutable: true}\n      /etc/fixed: {text: fixed}";

fn refused(script: &str) -> StageError {
    let files = [
        ("/p/open", "o"),
        ("/p/shut", "s"),
        ("/p/link", "-> open"),
        ("/p/out", "-> /other"),
        ("/p/loop", "-> loop"),
        ("/p/hard", "s"),
        ("/p/sub/", ""),
        ("/other", "secret"),
        ("/etc/made", "start"),
        ("/etc/fixed", "fixed"),
        ("/etc/unselected", "x"),
    ];
    match run_in(CONTENTS, &files, script) {
        Ok(_) => panic!("allowed: {script}"),
        Err(SliceError {
            kind:
                SliceErrorKind::Script {
                    kind: ScriptErrorKind::Stage { error, .. },
                    ..
                },
            ..
        }) => error,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn only_what_is_selected_can_be_read() {
    assert_eq!(
        refused("content.read('/etc/unselected')"),
        StageError::NotSelected
    );
    assert_eq!(
        refused("content.read('/p/../etc/unselected')"),
        StageError::NotSelected
    );
    assert_eq!(
        refused("content.read('/p/../../../etc/passwd')"),
        StageError::NotSelected
    );
    assert_eq!(refused("content.read('p/open')"), StageError::Relative);
    assert_eq!(refused("content.read('/p')"), StageError::NotAFile);
    assert_eq!(refused("content.read('/p/')"), StageError::NotAFile);
    assert_eq!(
        refused("content.list('/p/open')"),
        StageError::NotADirectory
    );
    assert_eq!(refused("content.list('/proc')"), StageError::NotSelected);
}

#[test]
fn links_lead_only_to_what_is_selected() {
    assert_eq!(refused("content.read('/p/out')"), StageError::NotSelected);
    assert_eq!(refused("content.read('/p/loop')"), StageError::LinkLoop);
    let files = [
        ("/p/link", "-> open"),
        ("/p/open", "behind"),
        ("/etc/made", ""),
        ("/etc/fixed", ""),
    ];
    let script = "content.write('/etc/made', content.read('/p/link'))";
    let (_, stage) = run_in(CONTENTS, &files, script).unwrap();
    assert_eq!(stage.text("/etc/made"), "behind");
}

#[test]
fn only_what_is_mutable_can_be_written() {
    assert_eq!(
        refused("content.write('/etc/fixed', '')"),
        StageError::NotMutable
    );
    assert_eq!(
        refused("content.write('/p/open', '')"),
        StageError::NotMutable
    );
    assert_eq!(
        refused("content.write('/etc/new', '')"),
        StageError::NotSelected
    );
    assert_eq!(
        refused("content.write('/etc/made/', '')"),
        StageError::NotAFile
    );
    assert_eq!(
        refused("content.write('/p/sub', '')"),
        StageError::NotMutable
    );
}

#[test]
fn a_hard_link_is_not_written() {
    let contents = "      /p/hard: {mutable: true}\n      /p/shut:";
    let files = [("/p/hard", "s"), ("/p/shut", "s")];
    let error = run_in(contents, &files, "content.write('/p/hard', 'x')")
        .err()
        .unwrap();
    assert!(error.to_string().contains("hard link"), "{error}");
}

#[test]
fn directories_are_listed_in_order_with_their_kinds() {
    let files = [
        ("/p/b", ""),
        ("/p/a", ""),
        ("/p/sub/", ""),
        ("/p/link", "-> a"),
        ("/etc/made", ""),
        ("/etc/fixed", ""),
    ];
    let script = "content.write('/etc/made', repr(content.list('/p')) + repr(content.list('/')))";
    let (_, stage) = run_in(CONTENTS, &files, script).unwrap();
    assert_eq!(
        stage.text("/etc/made"),
        r#"["a", "b", "link", "sub/"]["etc/", "p/"]"#
    );
}

#[test]
fn bytes_that_are_no_text_pass_through() {
    let mut stage = Memory::with(&[("/p/open", ""), ("/etc/made", "")]);
    stage
        .0
        .insert(path("/p/open"), Held::File(b"a\xff\x00b".to_vec()));
    let text = "package: aa\nslices:\n  bins:\n    contents:\n      /p/open:\n      /etc/made: {text: '', mutable: true}\n    mutate: content.write('/etc/made', content.read('/p/open') + '!')\n";
    let selection = selected(&good("v1", &[text]), &["aa_bins"]);
    let applied = apply(&selection, &[("aa", &["/p/open"])]);
    mutate(&selection, &applied, &mut stage, &ScriptLimits::default()).unwrap();
    let Some(Held::File(data)) = stage.0.get(&path("/etc/made")) else {
        panic!()
    };
    assert_eq!(data, b"a\xff\x00b!");
}

#[test]
fn a_file_beyond_the_limit_is_neither_read_nor_written() {
    let text = "package: aa\nslices:\n  bins:\n    contents:\n      /p/open:\n      /etc/made: {text: '', mutable: true}\n    mutate: |\n      SCRIPT\n";
    for script in [
        "content.read('/p/open')",
        "content.write('/etc/made', 'x' * 11)",
    ] {
        let selection = selected(
            &good("v1", &[&text.replace("SCRIPT", script)]),
            &["aa_bins"],
        );
        let applied = apply(&selection, &[("aa", &["/p/open"])]);
        let mut stage = Memory::with(&[("/p/open", "12345678901"), ("/etc/made", "")]);
        let limits = ScriptLimits {
            file: 10,
            ..ScriptLimits::default()
        };
        let error = mutate(&selection, &applied, &mut stage, &limits).unwrap_err();
        assert!(error.to_string().contains("10 bytes"), "{error}");
    }
}

#[test]
fn an_error_names_the_slice_and_the_line_of_the_script() {
    let script = "a = 1\n\nb = a + 'x'";
    let error = run_in(CONTENTS, &[], script).err().unwrap();
    insta::assert_snapshot!(error);
}

#[test]
fn what_is_printed_comes_back() {
    let script = "print('one', 2, [3])\nprint('x', 'y', sep='')";
    let (mutated, _) = run_in(CONTENTS, &[], script).unwrap();
    assert_eq!(
        mutated.printed,
        [(keys(&["aa_bins"])[0].clone(), "one 2 [3]\nxy\n".to_owned())]
    );
}
