//! What a spec says of trees.

use mikron_package::Limits;
use mikron_spec::{FileContent, IgnoreFile, Spec, SpecError};

fn parse(entry: &str) -> Result<Spec, SpecError> {
    let text = format!("mikron: 1\nname: a\nlayers: {{ limit: 4 }}\nfiles:\n  - {entry}\n");
    Spec::parse("a.yaml", &text, &Limits::default())
}

#[test]
fn all_keys_of_a_tree_are_read_and_written() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let entry = format!(
        "{{ path: /srv, from: app, include: [src], exclude: ['!x'], ignore: [.dockerignore, .gitignore], mode: keep, digest: '{digest}', layer: app }}"
    );
    let spec = parse(&entry).unwrap();
    let file = &spec.files[0];
    assert_eq!(file.taken.ignore, [IgnoreFile::Docker, IgnoreFile::Git]);
    assert!(file.keep.mode && file.mode.is_none());
    assert_eq!(file.digest.map(|found| found.to_string()), Some(digest));
    let again = Spec::parse("b.yaml", &spec.to_yaml(), &Limits::default());
    assert_eq!(again.unwrap().files, spec.files);
}

#[test]
fn an_archive_may_keep_its_owners() {
    let spec = parse("{ path: /srv, from: 'tar:a.tar', owner: keep }").unwrap();
    assert_eq!(spec.files[0].content, FileContent::Archive("a.tar".into()));
    assert!(spec.files[0].keep.owner && spec.files[0].owner.is_none());
    assert!(spec.to_yaml().contains("owner: keep"));
    let error = parse("{ path: /srv, from: 'tar:a.tar', owner: keep, group: '1' }").unwrap_err();
    assert!(error.to_string().contains("keeps its owners"), "{error}");
}

#[test]
fn keys_that_say_nothing_of_what_is_there_are_refused() {
    for (entry, says) in [
        (
            "{ path: /a, text: x, exclude: [y] }",
            "a text and cannot have `exclude`",
        ),
        (
            "{ path: /a, text: x, mode: keep }",
            "a text and cannot have `mode`",
        ),
        (
            "{ path: /a, type: directory, digest: 'sha256:0' }",
            "sha256:0",
        ),
        (
            "{ path: /a, target: /b, include: [y] }",
            "a symlink and cannot have `include`",
        ),
        (
            "{ path: /a, from: 'tar:b', ignore: [.gitignore] }",
            "an archive and cannot have `ignore`",
        ),
        ("{ path: /a, from: 'tar:' }", "names no archive"),
        (
            "{ path: /a, from: b, exclude: ['a**'] }",
            "beside other characters",
        ),
        (
            "{ path: /a, from: b, layer: '' }",
            "cannot be the name of a layer",
        ),
        (
            "{ path: /a, text: '', layer: a }\n  - { path: /b, text: '', layer: b }\n  - { path: /c, text: '', layer: c }",
            "one too many beside `limit: 4`",
        ),
    ] {
        let error = parse(entry).unwrap_err().to_string();
        assert!(error.contains(says), "{entry}: {error}");
    }
}
