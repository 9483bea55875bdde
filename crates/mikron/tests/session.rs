//! A session: many builds at once share connections, indexes and work, and one that is cancelled leaves no trace.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use common::local_spec;
use mikron::oci::MemoryStore;
use mikron::package::{Cancellation, Digest, Event, Limits, Progress, TaskKind};
use mikron::spec::Spec;
use mikron::{BuildReport, Builder, Error, Output, Session, SessionOptions};
use mikron_testkit::archive::DebBuilder;
use mikron_testkit::http::Server;
use mikron_testkit::repository::RepositoryBuilder;
use tempfile::TempDir;

/// Counts what a session does.
#[derive(Default)]
struct Counts {
    solved: AtomicUsize,
    layers: Mutex<Vec<String>>,
}

impl Progress for Counts {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Started {
                kind: TaskKind::Solve,
                ..
            } => {
                self.solved.fetch_add(1, Ordering::SeqCst);
            }
            Event::Started {
                kind: TaskKind::Layer,
                name,
                ..
            } => self.layers.lock().unwrap().push((*name).to_owned()),
            _ => {}
        }
    }
}

/// A repository of some packages, with the spec of the first.
fn repository(dir: &Path) -> PathBuf {
    let package = |name| {
        let data = format!("{name}\n").repeat(5000);
        DebBuilder::new(name, "1", "amd64").file(&format!("/usr/share/{name}"), 0o644, data)
    };
    let packages = ["aa", "bb", "cc", "dd", "ee"].map(|name| (name, "", package(name)));
    local_spec(dir, packages.into(), "packages: [aa]\n")
}

/// The spec beside `first` that takes other packages.
fn other(first: &Path, name: &str, packages: &str) -> PathBuf {
    let text = fs::read_to_string(first).unwrap();
    let file = first.with_file_name(format!("{name}.yaml"));
    fs::write(&file, text.replace("packages: [aa]", packages)).unwrap();
    file
}

fn session(dir: &Path, counts: &Arc<Counts>) -> Arc<Session> {
    let options = SessionOptions::default().cache(dir.join("cache"));
    Arc::new(options.progress(counts.clone()).open().unwrap())
}

fn build(session: &Arc<Session>, spec: &Path, layout: &Path) -> Result<BuildReport, Error> {
    Builder::from_file(spec)?
        .session(session)
        .output(Output::layout(layout, "latest"))
        .build()
}

#[test]
fn a_spec_that_a_hundred_want_at_once_is_built_once() {
    let dir = TempDir::new().unwrap();
    let spec = repository(dir.path());
    let counts = Arc::new(Counts::default());
    let session = session(dir.path(), &counts);
    let digests: Vec<Digest> = thread::scope(|scope| {
        let one = |number: usize| {
            let layout = dir.path().join(format!("layout-{number}"));
            build(&session, &spec, &layout).unwrap().digest
        };
        let threads: Vec<_> = (0..100).map(|n| scope.spawn(move || one(n))).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(counts.solved.load(Ordering::SeqCst), 1);
    let layouts = (0..100).map(|number| dir.path().join(format!("layout-{number}/index.json")));
    assert!(layouts.into_iter().all(|index| index.is_file()));
}

#[test]
fn another_spec_over_the_same_sources_opens_no_index_again() {
    let dir = TempDir::new().unwrap();
    let spec = repository(dir.path());
    let session = session(dir.path(), &Arc::default());
    let first = build(&session, &spec, &dir.path().join("first")).unwrap();
    assert_eq!(session.indexes_opened(), 1);
    let more = other(&spec, "more", "packages: [bb, cc]");
    let second = build(&session, &more, &dir.path().join("second")).unwrap();
    assert_eq!(session.indexes_opened(), 1);
    assert_ne!(first.digest, second.digest);
    // A session of its own comes to the same.
    let alone = Builder::from_file(&more)
        .unwrap()
        .cache(dir.path().join("another cache"))
        .build();
    assert_eq!(alone.unwrap().digest, second.digest);
}

#[test]
fn a_source_of_another_name_is_another_index() {
    let dir = TempDir::new().unwrap();
    let spec = repository(dir.path());
    let session = session(dir.path(), &Arc::default());
    build(&session, &spec, &dir.path().join("first")).unwrap();
    let text = fs::read_to_string(&spec).unwrap();
    let name = text
        .lines()
        .skip_while(|line| !line.starts_with("sources"))
        .nth(1);
    let name = name.unwrap().trim().split(':').next().unwrap();
    let renamed = spec.with_file_name("renamed.yaml");
    fs::write(&renamed, text.replace(&format!("{name}:"), "renamed:")).unwrap();
    let lock = Builder::from_file(&renamed)
        .unwrap()
        .session(&session)
        .lock();
    let lock = lock.unwrap();
    assert_eq!(lock.sources.keys().collect::<Vec<_>>(), ["renamed"]);
    let locked = lock.platforms.values().flat_map(|locked| &locked.packages);
    assert!(
        locked
            .into_iter()
            .all(|package| package.source == "renamed")
    );
}

#[test]
fn no_more_builds_compute_at_once_than_the_session_has_jobs() {
    /// How many solve at once.
    #[derive(Default)]
    struct Most {
        solving: Mutex<BTreeSet<u64>>,
        most: AtomicUsize,
    }
    impl Progress for Most {
        fn event(&self, event: &Event<'_>) {
            let mut solving = self.solving.lock().unwrap();
            match event {
                Event::Started {
                    task,
                    kind: TaskKind::Solve,
                    ..
                } => {
                    solving.insert(*task);
                    self.most.fetch_max(solving.len(), Ordering::SeqCst);
                }
                Event::Finished { task } => {
                    solving.remove(task);
                }
                _ => {}
            }
        }
    }
    let dir = TempDir::new().unwrap();
    let first = repository(dir.path());
    let most = Arc::new(Most::default());
    let options = SessionOptions::default().cache(dir.path().join("cache"));
    let session = options.jobs(2).progress(most.clone()).open();
    let session = Arc::new(session.unwrap());
    let names = ["aa", "bb", "cc", "dd", "ee"];
    thread::scope(|scope| {
        for number in 0..20 {
            let (session, first, dir) = (&session, &first, &dir);
            scope.spawn(move || {
                let wanted = &names[..=number % 5];
                let packages = format!("packages: [{}]", wanted.join(", "));
                let spec = other(first, &format!("spec-{number}"), &packages);
                let layout = dir.path().join(format!("layout-{number}"));
                build(session, &spec, &layout).unwrap();
            });
        }
    });
    assert!((1..=2).contains(&most.most.load(Ordering::SeqCst)));
}

/// `MIKRON_SESSION=100x50` has a hundred threads build fifty specs each.
fn scale() -> (usize, usize) {
    let scale = std::env::var("MIKRON_SESSION").ok();
    let scale = scale.and_then(|text| {
        let (threads, specs) = text.split_once('x')?;
        Some((threads.parse().ok()?, specs.parse().ok()?))
    });
    scale.unwrap_or((12, 5))
}

#[test]
fn threads_and_specs_of_one_session_share_connections_and_one_index() {
    const PACKAGES: usize = 60;
    let (threads, specs) = scale();
    let dir = TempDir::new().unwrap();
    let server = Server::start();
    let mut repository = RepositoryBuilder::new("./").date(1_700_000_000);
    for number in 0..PACKAGES {
        let name = format!("package-{number}");
        let data = format!("{name}\n").repeat(10_000);
        let archive = DebBuilder::new(&name, "1", "amd64")
            .file(&format!("/usr/share/{name}"), 0o644, data)
            .build();
        let stanza = format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n");
        repository = repository.package_at(&format!("{name}.deb"), &stanza, archive);
    }
    repository.build().serve(&server, "/repository");
    let base = server.url("/repository");
    let options = SessionOptions::default().cache(dir.path().join("cache"));
    let session = Arc::new(options.open().unwrap());
    let digests: Mutex<BTreeMap<usize, BTreeSet<Digest>>> = Mutex::default();
    let build = |number: usize| {
        let first = number % PACKAGES;
        let second = (number * 7 + 1) % PACKAGES;
        let spec = format!(
            "mikron: 1\nname: app\nsources:\n  local: {{ deb: \"{base}\", suite: \"./\", allow: [unsigned] }}\n\
             packages: [package-{first}, package-{second}]\n"
        );
        let spec = Spec::parse("app.yaml", &spec, &Limits::default()).unwrap();
        let built = Builder::from_spec(spec, dir.path())
            .unwrap()
            .session(&session)
            .store(Arc::new(MemoryStore::default()), "latest")
            .build()
            .unwrap();
        let mut digests = digests.lock().unwrap();
        digests.entry(number).or_default().insert(built.digest);
    };
    thread::scope(|scope| {
        for thread in 0..threads {
            let build = &build;
            scope.spawn(move || {
                for spec in 0..specs {
                    build((thread + spec) % specs);
                }
            });
        }
    });
    let digests = digests.into_inner().unwrap();
    assert_eq!(digests.len(), specs);
    assert!(digests.values().all(|same| same.len() == 1));
    assert_eq!(session.indexes_opened(), 1);
    // One package is fetched once, whoever wants it.
    let fetched = |number: usize| server.count(&format!("/repository/package-{number}.deb"));
    assert!((0..PACKAGES).all(|number| fetched(number) <= 1));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!(
        "{threads} threads, {specs} specs each: {} connections, {} requests, {}",
        server.connections(),
        server.requests().len(),
        peak.unwrap_or_default()
    );
    // Four threads fetch for each of the builds that compute at once, and a few ask whether there is news.
    let most = 8 * thread::available_parallelism().unwrap().get() + threads;
    assert!(server.connections() <= most, "{}", server.connections());
}

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Cancels at the event of a number.
struct CancelsAt {
    at: usize,
    seen: AtomicUsize,
    cancellation: Cancellation,
}

impl Progress for CancelsAt {
    fn event(&self, _: &Event<'_>) {
        if self.seen.fetch_add(1, Ordering::SeqCst) == self.at {
            self.cancellation.cancel();
        }
    }
}

/// Everything below a directory.
fn below(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        }
        found.insert(entry.path());
    }
    found
}

#[test]
fn a_build_that_is_cancelled_anywhere_leaves_no_trace() {
    let dir = TempDir::new().unwrap();
    let spec = repository(dir.path());
    let spec = other(&spec, "all", "packages: [aa, bb, cc, dd, ee]");
    let out = dir.path().join("out");
    let build = |at: usize, cache: &Path| {
        let cancellation = Cancellation::new();
        let events = Arc::new(CancelsAt {
            at,
            seen: AtomicUsize::new(0),
            cancellation: cancellation.clone(),
        });
        let built = Builder::from_file(&spec)
            .unwrap()
            .cache(cache)
            .cancellation(&cancellation)
            .progress(events.clone())
            .output(Output::layout(out.join("layout"), "latest"))
            .output(Output::docker_archive(out.join("image.tar")))
            .build();
        (built, events.seen.load(Ordering::SeqCst))
    };
    fs::create_dir(&out).unwrap();
    let (whole, events) = build(usize::MAX, &dir.path().join("whole"));
    let whole = whole.unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut cancelled = 0;
    for round in 0..200 {
        // Every tenth with a cache that knows nothing, so that the others end at all steps.
        let cache = dir.path().join(format!("cache-{}", round / 10));
        fs::remove_dir_all(&out).unwrap();
        fs::create_dir(&out).unwrap();
        let at = numbers.below(events as u64) as usize;
        match build(at, &cache).0 {
            Err(Error::Cancelled) => {
                cancelled += 1;
                // Neither a blob nor a directory of the layout, and no archive.
                let names = below(&out);
                assert!(names.is_empty(), "round {round} at {at}: {names:?}");
                let mut below = below(&cache).into_iter();
                let scratch = below.find(|path| path.parent().unwrap().ends_with("tmp"));
                assert_eq!(scratch, None, "round {round} at {at}");
            }
            Ok(report) => assert_eq!(report.digest, whole.digest),
            Err(error) => panic!("round {round} at {at}: {error}"),
        }
        if round % 10 == 9 {
            let (again, _) = build(usize::MAX, &cache);
            assert_eq!(again.unwrap().digest, whole.digest);
        }
    }
    assert!(cancelled > 20, "{cancelled} of 200 were cancelled");
}

#[test]
fn a_build_that_waits_for_another_can_be_cancelled() {
    let dir = TempDir::new().unwrap();
    let spec = repository(dir.path());
    let session = session(dir.path(), &Arc::default());
    let cancellation = Cancellation::new();
    cancellation.cancel();
    let built = Builder::from_file(&spec)
        .unwrap()
        .session(&session)
        .cancellation(&cancellation)
        .build();
    assert!(matches!(built, Err(Error::Cancelled)));
    // The session itself is as good as before.
    build(&session, &spec, &dir.path().join("layout")).unwrap();
}
