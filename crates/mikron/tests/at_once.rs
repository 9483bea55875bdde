//! Several builds at once on one cache: what one is making, the others wait for.
#![allow(clippy::unwrap_used)] // functions that tests share may, as tests may

use std::fs;
use std::sync::{Arc, Mutex};

use mikron::package::{Event, Progress, TaskKind};
use mikron::{Builder, Output};
use mikron_testkit::apk::{ApkBuilder, ApkKey, ApkRepositoryBuilder};
use tempfile::TempDir;

/// The packages whose archives were read for their facts.
#[derive(Default)]
struct Learnt(Mutex<Vec<String>>);

impl Progress for Learnt {
    fn event(&self, event: &Event<'_>) {
        if let Event::Started {
            kind: TaskKind::Facts,
            name,
            ..
        } = event
        {
            self.0.lock().unwrap().push((*name).to_owned());
        }
    }
}

#[test]
fn builds_at_once_learn_each_archive_once_and_come_to_the_same_image() {
    let dir = TempDir::new().unwrap();
    let key = ApkKey::shared("test@example.org");
    fs::write(
        dir.path().join("test@example.org.rsa.pub"),
        key.public_pem(),
    )
    .unwrap();
    let names = ["aa", "bb", "cc", "dd", "ee"];
    let mut repository = ApkRepositoryBuilder::new("x86_64");
    for name in names {
        let mut package = ApkBuilder::new(name, "1-r0", "x86_64");
        for number in 0..40 {
            let text = format!("{name} {number}\n").repeat(2000);
            package = package.file(
                &format!("usr/share/{name}/{number}"),
                0o644,
                text.as_bytes(),
            );
        }
        repository = repository.package(&package.signed(&key));
    }
    let repository = repository.sign_with(&key).build();
    repository.write_to(&dir.path().join("repository"));
    let spec = "mikron: 1\nname: many\nsources:\n  local: { apk: \"file:repository\", keys: [test@example.org.rsa.pub] }\n\
        packages: [aa, bb, cc, dd, ee]\nselect: full\nlayers: { strategy: package }\n";
    let file = dir.path().join("image.yaml");
    fs::write(&file, spec).unwrap();
    let learnt = Arc::new(Learnt::default());
    let build = |number: usize| {
        Builder::from_file(&file)
            .unwrap_or_else(|error| panic!("{error}"))
            .cache(dir.path().join("cache"))
            .jobs(2)
            .progress(learnt.clone())
            .output(Output::Layout {
                dir: dir.path().join(format!("layout-{number}")),
                tag: "latest".to_owned(),
            })
            .build()
            .unwrap_or_else(|error| panic!("{error}"))
    };
    let reports = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..8)
            .map(|number| {
                let build = &build;
                scope.spawn(move || build(number))
            })
            .collect();
        let reports: Vec<_> = builds
            .into_iter()
            .map(|build| build.join().unwrap())
            .collect();
        reports
    });
    assert!(
        reports
            .iter()
            .all(|report| report.digest == reports[0].digest)
    );
    let mut learnt = learnt.0.lock().unwrap().clone();
    learnt.sort();
    assert_eq!(learnt, names);
}
