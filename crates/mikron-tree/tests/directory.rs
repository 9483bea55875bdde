//! Directories as trees: what is taken, what is refused, and what is read again.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use mikron_facts::{Spool, Symbols};
use mikron_package::{Contents as _, Digest, EntryKind, RootPath};
use mikron_testkit::tools::tool;
use mikron_tree::{IgnoreFile, Modes, Options, Reading, Tree, TreeError};

/// A time long after all that the tests write.
const LATER: i64 = 8_000_000_000;

fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let at = home.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }
    home
}

fn app() -> Options {
    Options::at(RootPath::new(b"/app").unwrap())
}

fn read(root: &Path, options: &Options) -> Result<Tree, TreeError> {
    read_with(root, options, Vec::new())
}

fn read_with(root: &Path, options: &Options, record: Vec<u8>) -> Result<Tree, TreeError> {
    let (spool, symbols) = (Spool::default(), Symbols::default());
    let how = Reading {
        record,
        jobs: 2,
        now: LATER,
        ..Reading::new(&spool, &symbols)
    };
    Tree::read(root, options, &how)
}

fn paths(tree: &Tree) -> Vec<String> {
    let path = |path: String| {
        path.trim_start_matches("/app")
            .trim_start_matches('/')
            .to_owned()
    };
    let files = tree.files().map(|file| path(file.entry.path.to_string()));
    files.filter(|path| !path.is_empty()).collect()
}

fn globs(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn all_is_taken_in_order_of_bytes_and_empty_directories_too() {
    let home = home(&[("b/x", ""), ("a", ""), ("b.txt", "")]);
    fs::create_dir(home.path().join("empty")).unwrap();
    let tree = read(home.path(), &app()).unwrap();
    assert_eq!(paths(&tree), ["a", "b", "b/x", "b.txt", "empty"]);
    assert!(tree.is_directory());
}

#[test]
fn names_need_not_be_text() {
    let home = home(&[]);
    fs::write(home.path().join(OsStr::from_bytes(b"caf\xe9\n")), "").unwrap();
    let tree = read(home.path(), &app()).unwrap();
    let file = tree.files().last().unwrap();
    assert_eq!(file.entry.path.as_bytes(), b"app/caf\xe9\n");
    let (files, contents) = tree.into_parts();
    assert!(contents.open(&files[1].digest.unwrap()).is_ok());
}

#[test]
fn of_permissions_counts_whether_the_owner_may_execute() {
    let home = home(&[("tool", ""), ("data", ""), ("d/x", "")]);
    let set = |path: &str, mode| {
        fs::set_permissions(home.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("tool", 0o4710);
    set("data", 0o666);
    set("d", 0o700);
    let modes = |modes| -> Vec<u32> {
        let options = Options { modes, ..app() };
        let tree = read(home.path(), &options).unwrap();
        tree.files().skip(1).map(|file| file.entry.mode).collect()
    };
    // The directory `d`, `d/x`, `data` and `tool`.
    assert_eq!(modes(Modes::Sane)[..], [0o755, 0o644, 0o644, 0o755]);
    let kept = modes(Modes::Keep);
    assert_eq!([kept[0], kept[2], kept[3]], [0o700, 0o666, 0o4710]);
}

#[test]
fn the_same_files_make_the_same_tree_whatever_their_times_and_umask() {
    let files = [("a/x", "1"), ("b", "2")];
    let (one, other) = (home(&files), home(&[files[1], files[0]]));
    fs::set_permissions(other.path().join("b"), fs::Permissions::from_mode(0o600)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let file = fs::File::options().write(true).open(other.path().join("b"));
    file.unwrap().set_modified(time).unwrap();
    let [one, other] = [one, other].map(|home| read(home.path(), &app()).unwrap());
    assert_eq!(one.digest(), other.digest());
    assert!(one.files().eq(other.files()));
}

#[test]
fn the_digest_of_a_tree_is_that_of_its_records() {
    let home = home(&[("bin/tool", "x"), ("z", "y")]);
    symlink("bin/tool", home.path().join("link")).unwrap();
    let tool = home.path().join("bin/tool");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    let (x, y) = (Digest::of(b"x").hex(), Digest::of(b"y").hex());
    let records = format!("d 0755 bin\0f 0755 {x} bin/tool\0l bin/tool\0link\0f 0644 {y} z\0");
    let at = |path: &str| Options::at(RootPath::new(path.as_bytes()).unwrap());
    for options in [app(), at("/"), at("/srv/www")] {
        let tree = read(home.path(), &options).unwrap();
        assert_eq!(tree.digest(), Digest::of(records.as_bytes()));
    }
    let file = read(&home.path().join("z"), &app()).unwrap();
    assert_eq!(file.digest(), Digest::of(b"y"));
    assert!(!file.is_directory());
}

#[test]
fn globs_choose_and_the_last_that_matches_decides() {
    let home = home(&[
        ("src/a.py", ""),
        ("src/a.pyc", ""),
        ("src/keep.pyc", ""),
        ("doc/b.md", ""),
        ("main.py", ""),
        (".git/HEAD", ""),
        ("sub/.git", "gitdir: x"),
    ]);
    let with = |include: &[&str], exclude: &[&str]| {
        let options = Options {
            include: globs(include),
            exclude: globs(exclude),
            ..app()
        };
        paths(&read(home.path(), &options).unwrap())
    };
    assert_eq!(
        with(&[], &["**/*.pyc", "!src/keep.pyc", "/doc"]),
        ["main.py", "src", "src/a.py", "src/keep.pyc", "sub"]
    );
    assert_eq!(with(&["src/*.py"], &[]), ["src", "src/a.py"]);
    assert_eq!(
        with(&["src"], &["*/*.py"]),
        ["src", "src/a.pyc", "src/keep.pyc"]
    );
    // What lies in a directory that is left out can be taken back, with the directory above it and nothing else.
    assert_eq!(with(&[], &["**", "!doc/b.md"]), ["doc", "doc/b.md"]);
    assert_eq!(with(&[".git"], &["!.git"]), [".git", ".git/HEAD"]);
}

#[test]
fn a_pattern_that_matches_nothing_is_said() {
    let home = home(&[("a", "")]);
    let options = Options {
        exclude: globs(&["b", "a"]),
        ..app()
    };
    let tree = read(home.path(), &options).unwrap();
    assert_eq!(tree.notes().len(), 1);
    assert!(
        tree.notes()[0].contains("`exclude` has `b`"),
        "{:?}",
        tree.notes()
    );
}

#[test]
fn a_link_inside_stays_and_one_that_leaves_is_refused_with_its_target() {
    let home = home(&[("lib/x.so.1", ""), ("bin/x", "")]);
    symlink("x.so.1", home.path().join("lib/x.so")).unwrap();
    symlink("../lib", home.path().join("bin/lib")).unwrap();
    symlink("/usr/bin/python3", home.path().join("bin/python")).unwrap();
    let tree = read(home.path(), &app()).unwrap();
    let python = tree
        .files()
        .find(|file| file.entry.path.to_string() == "/app/bin/python");
    let target = b"/usr/bin/python3".to_vec();
    assert_eq!(python.unwrap().entry.kind, EntryKind::Symlink { target });
    for (link, target) in [("out", "../secret"), ("bin/out", "../lib/../../x")] {
        let at = home.path().join(link);
        symlink(target, &at).unwrap();
        let error = read(home.path(), &app()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(link) && text.contains(target), "{text}");
        assert!(matches!(error, TreeError::Leaves { .. }), "{text}");
        fs::remove_file(at).unwrap();
    }
    // One that leads out and is left out hurts nobody.
    symlink("../..", home.path().join("out")).unwrap();
    let options = Options {
        exclude: globs(&["out"]),
        ..app()
    };
    assert!(read(home.path(), &options).is_ok());
}

#[test]
fn a_link_to_the_place_of_the_tree_on_this_machine_is_refused() {
    let home = home(&[("a", "")]);
    let real = fs::canonicalize(home.path()).unwrap();
    symlink(real.join("a"), home.path().join("b")).unwrap();
    let error = read(home.path(), &app()).unwrap_err();
    assert!(matches!(error, TreeError::OnHost { .. }), "{error}");
    // Where the image has the tree at the same place, the link is right.
    let same = Options::at(RootPath::new(real.as_os_str().as_bytes()).unwrap());
    assert!(read(home.path(), &same).is_ok());
}

#[test]
fn a_pipe_and_a_socket_are_refused_and_not_waited_for() {
    let home = home(&[("a", "")]);
    let pipe = home.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let error = read(home.path(), &app()).unwrap_err().to_string();
    assert!(error.contains("pipe is a named pipe"), "{error}");
    assert!(matches!(read(&pipe, &app()), Err(TreeError::NoTree { .. })));
    fs::remove_file(pipe).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(home.path().join("s")).unwrap();
    let error = read(home.path(), &app()).unwrap_err().to_string();
    assert!(error.contains("s is a socket"), "{error}");
}

#[test]
fn secrets_are_known_by_name_and_content() {
    let home = home(&[
        ("tls/server.pem", "-----BEGIN RSA PRIVATE KEY-----\n"),
        ("tls/ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        (".env", "TOKEN=x\n"),
        ("id_rsa", ""),
    ]);
    let tree = read(home.path(), &app()).unwrap();
    let found: Vec<String> = tree.secrets().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["/.env", "/id_rsa", "/tls/server.pem"]);
    // A reading that opens nothing says the same.
    let again = read_with(home.path(), &app(), tree.record().unwrap().to_vec()).unwrap();
    assert_eq!((again.opened(), again.secrets()), (0, tree.secrets()));
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let home = home(&[("a", "1"), ("b/c", "2")]);
    let first = read(home.path(), &app()).unwrap();
    assert_eq!(first.opened(), 2);
    let record = first.record().unwrap().to_vec();
    let second = read_with(home.path(), &app(), record.clone()).unwrap();
    assert_eq!((second.opened(), second.record()), (0, None));
    assert!(first.files().eq(second.files()));
    fs::write(home.path().join("a"), "one").unwrap();
    fs::write(home.path().join("new"), "3").unwrap();
    let third = read_with(home.path(), &app(), record.clone()).unwrap();
    assert_eq!(third.opened(), 2);
    assert_eq!(third.digest(), read(home.path(), &app()).unwrap().digest());
    fs::remove_file(home.path().join("b/c")).unwrap();
    let fourth = read_with(home.path(), &app(), third.record().unwrap().to_vec()).unwrap();
    assert_eq!(
        (fourth.opened(), paths(&fourth)),
        (0, vec!["a".into(), "b".into(), "new".into()])
    );
    // A record that is none costs time and nothing else.
    let damaged = read_with(home.path(), &app(), record[1..].to_vec()).unwrap();
    assert_eq!(damaged.digest(), fourth.digest());
}

#[test]
fn a_file_that_was_written_just_before_it_was_read_is_read_again() {
    let home = home(&[("a", "1")]);
    let (spool, symbols) = (Spool::default(), Symbols::default());
    let now = Reading::new(&spool, &symbols);
    let first = Tree::read(home.path(), &app(), &now).unwrap();
    // As long, and for a clock that is coarse enough at the same time: the record alone could not tell.
    let record = first.record().unwrap().to_vec();
    let second = read_with(home.path(), &app(), record).unwrap();
    assert_eq!(second.opened(), 1);
    // By now it has settled.
    let third = read_with(home.path(), &app(), second.record().unwrap().to_vec()).unwrap();
    assert_eq!(third.opened(), 0);
}

#[test]
fn a_content_that_is_not_any_more_what_was_read_is_not_given() {
    let home = home(&[("a", "1"), ("b", "2")]);
    let (files, contents) = read(home.path(), &app()).unwrap().into_parts();
    let digest = |at: usize| files[at].digest.unwrap();
    let mut text = String::new();
    contents
        .open(&digest(1))
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "1");
    fs::write(home.path().join("a"), "11").unwrap();
    fs::remove_file(home.path().join("b")).unwrap();
    for at in [1, 2] {
        let error = contents.open(&digest(at)).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("changed while it was read"),
            "{error}"
        );
    }
    assert!(contents.open(&Digest::of(b"other")).is_err());
}

#[test]
fn a_dockerignore_is_read_as_docker_reads_it() {
    let home = home(&[
        (
            ".dockerignore",
            "# a comment\n*/temp*\n*.md\n!README*.md\n/build/\n**/*.log\n./x/../y\n[a-c]?\n.\n",
        ),
        ("README.md", ""),
        ("NEWS.md", ""),
        ("doc/NEWS.md", ""),
        ("doc/temporary/x", ""),
        ("temp", ""),
        ("build/out", ""),
        ("doc/build/out", ""),
        ("deep/er/a.log", ""),
        ("y", ""),
        ("b1", ""),
        ("d1", ""),
    ]);
    let options = Options {
        ignore: vec![IgnoreFile::Docker],
        ..app()
    };
    let tree = read(home.path(), &options).unwrap();
    let taken: Vec<String> = paths(&tree);
    let files = [
        ".dockerignore",
        "README.md",
        "d1",
        "deep",
        "deep/er",
        "doc",
        "doc/NEWS.md",
        "doc/build",
        "doc/build/out",
        "temp",
    ];
    assert_eq!(taken, files);
    fs::write(home.path().join(".dockerignore"), "ok\n[x\n").unwrap();
    let error = read(home.path(), &options).unwrap_err().to_string();
    assert!(error.contains(".dockerignore: line 2"), "{error}");
}

#[test]
fn a_dockerignore_can_take_back_what_lies_in_a_directory_that_it_leaves_out() {
    let home = home(&[
        (".dockerignore", "target\n!target/release/app\n"),
        ("target/release/app", ""),
        ("target/release/app.d", ""),
        ("target/debug/app", ""),
    ]);
    let options = Options {
        ignore: vec![IgnoreFile::Docker],
        ..app()
    };
    let tree = read(home.path(), &options).unwrap();
    let files = [
        ".dockerignore",
        "target",
        "target/release",
        "target/release/app",
    ];
    assert_eq!(paths(&tree), files);
}

const GIT: &[(&str, &str)] = &[
    (
        ".gitignore",
        "*.o\n/build\nlog/\n!keep.o\nout/*\n!out/keep\n\\#odd\ntrail \n**/cache/**\na/**/z\n",
    ),
    ("lib/.gitignore", "!*.o\n/local\n"),
    ("x.o", ""),
    ("keep.o", ""),
    ("lib/y.o", ""),
    ("lib/local", ""),
    ("lib/deep/local", ""),
    ("build/x", ""),
    ("sub/build", ""),
    ("sub/log/x", ""),
    ("log", ""),
    ("out/keep", ""),
    ("out/other", ""),
    ("#odd", ""),
    ("trail", ""),
    ("p/cache/q/r", ""),
    ("a/b/c/z", ""),
    ("a/z", ""),
];

#[test]
fn gitignore_files_are_read_as_git_reads_them() {
    let Some(git) = tool("git") else { return };
    let home = home(GIT);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&git);
        command.arg("-C").arg(home.path()).args(arguments);
        command
            .env("HOME", home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let out = command.output().unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    run(&["init", "-q"]);
    let listed = run(&["ls-files", "--others", "--exclude-standard", "-z"]);
    let mut listed: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    listed.sort_unstable();
    let options = Options {
        ignore: vec![IgnoreFile::Git],
        ..app()
    };
    let tree = read(home.path(), &options).unwrap();
    let files = tree.files().filter(|file| file.entry.is_file());
    let mut files: Vec<String> = files
        .map(|file| file.entry.path.to_string()["/app/".len()..].to_owned())
        .collect();
    files.sort_unstable();
    assert_eq!(files, listed);
}

#[test]
fn exclude_has_the_last_word_over_what_git_leaves_out() {
    let home = home(&[
        (".gitignore", "target\n"),
        ("target/app", ""),
        ("target/other", ""),
    ]);
    let options = Options {
        ignore: vec![IgnoreFile::Git],
        exclude: globs(&["!target/app", ".gitignore"]),
        ..app()
    };
    let tree = read(home.path(), &options).unwrap();
    assert_eq!(paths(&tree), ["target", "target/app"]);
}
