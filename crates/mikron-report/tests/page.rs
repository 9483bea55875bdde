//! The page, as text and in a browser.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::Arc;

use mikron_facts::{ContentFacts, ElfFacts, FileFacts, PackageFacts, Symbols, read_elf};
use mikron_matrix::{Matrix, matrix};
use mikron_package::{Entry, EntryKind, RootPath};
use mikron_report::page;
use mikron_select::{PackageInput, Role, Wanted, select};
use mikron_testkit::elf::ElfBuilder;
use mikron_testkit::tools::tool;

/// What would run if a name got into the page as it is.
const HOSTILE: &str = "</title></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&'\"";

fn elf(soname: Option<&str>, needed: &[&str]) -> ElfFacts {
    let start = soname.map_or_else(ElfBuilder::executable, |soname| {
        ElfBuilder::library(soname).version_definition("GREET_1")
    });
    let builder = needed
        .iter()
        .fold(start, |builder, name| builder.needed(name));
    ElfFacts {
        // Without a loader the closure needs no C library.
        interpreter: None,
        ..read_elf(&builder.build()[..], &Symbols::default()).unwrap()
    }
}

fn file(path: &str, size: u64, elf: Option<ElfFacts>) -> FileFacts {
    let path = RootPath::new(path.as_bytes()).unwrap();
    let entry = Entry::new(path, EntryKind::File { size }, 0o755);
    let class = mikron_facts::classify(&entry, elf.as_ref());
    let content = ContentFacts {
        elf: elf.map(Box::new),
        ..ContentFacts::default()
    };
    FileFacts {
        class,
        content: Some(Box::new(content)),
        ..FileFacts::new(entry)
    }
}

fn input(role: Role, name: &str, files: Vec<FileFacts>) -> PackageInput {
    let facts = PackageFacts::of_files(name.parse().unwrap(), files);
    PackageInput::new(role, Arc::new(facts))
}

fn small(needed: &[&str]) -> Matrix {
    let hostile = HOSTILE.replace('/', "-");
    let app = vec![
        file("/usr/bin/app", 4000, Some(elf(None, needed))),
        file(&format!("/usr/share/app/{hostile}"), 700, None),
        file("/usr/share/doc/app/README", 9, None),
    ];
    let library = elf(Some("libgreet.so.1"), &[]);
    let path = "/usr/lib/x86_64-linux-gnu/libgreet.so.1";
    let inputs = [
        input(Role::root(), "app", app),
        input(
            Role::Dependency,
            "libgreet1",
            vec![file(path, 9000, Some(library))],
        ),
        input(
            Role::Dependency,
            "unused-doc",
            vec![file("/usr/share/doc/x/y", 3, None)],
        ),
    ];
    let mut wanted = Wanted::new("linux/amd64".parse().unwrap());
    wanted.programs = vec![format!("/usr/share/app/{hostile}")];
    let selection = select(&inputs, &wanted).unwrap();
    matrix(&selection, &inputs, &wanted, &[], &[])
}

#[test]
fn the_page_names_every_row_and_nothing_outside_of_it() {
    let html = page("app", &[small(&["libgreet.so.1"])]);
    for row in ["app", "libgreet1"] {
        assert!(
            html.contains(&format!("<span class=\"p\">{row}</span>")),
            "{row}"
        );
    }
    assert!(html.contains("unused-doc"), "what was left out is listed");
    for outside in [
        "http:", "https:", "src=", "url(", "@import", "<link", "<iframe",
    ] {
        let hostile = outside == "src=";
        let count = html.matches(outside).count();
        // The name of a file has one, escaped.
        assert!(count == 0 || hostile, "{outside}");
    }
    assert!(!html.contains("<img"));
}

#[test]
fn no_name_gets_out_of_its_place() {
    let html = page(HOSTILE, &[small(&["libgreet.so.1"])]);
    // One script, ours; what stands in names is text.
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</script").count(), 1);
    assert_eq!(html.matches("<style").count(), 1);
    assert_eq!(
        html.matches("<title>").count(),
        html.matches("</title>").count()
    );
    assert!(html.contains("&lt;script&gt;document.title=&#39;owned&#39;"));
}

#[test]
fn the_same_matrix_gives_the_same_page() {
    let matrix = small(&["libgreet.so.1"]);
    let again = small(&["libgreet.so.1"]);
    assert_eq!(page("a", &[matrix]), page("a", &[again]));
}

#[test]
fn what_is_missing_stands_at_the_top() {
    let html = page("app", &[small(&["libnone.so.1"])]);
    let missing = html.find("missing</h3>").unwrap();
    assert!(missing < html.find("Bytes by package").unwrap());
    assert!(html.contains("soname(libnone.so.1)"));
}

/// Opens a page in Chromium and gives the document as it is after all scripts; `None` where there is no Chromium.
fn opened(html: &str) -> Option<(String, String)> {
    let chromium = tool("chromium")?;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("page.html");
    std::fs::write(&file, html).unwrap();
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            home.path().join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some((
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

fn complaints(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect()
}

#[test]
fn chromium_shows_the_rows_runs_the_script_and_nothing_else() {
    let Some((dom, log)) = opened(&page(HOSTILE, &[small(&["libgreet.so.1"])])) else {
        return;
    };
    assert_eq!(
        complaints(&log),
        [""; 0],
        "no error and no refusal by the policy"
    );
    assert!(
        dom.contains("data-ready=\"yes\""),
        "the script ran to its end"
    );
    assert!(!dom.contains("<title>owned</title>"));
    for row in ["app", "libgreet1"] {
        assert!(
            dom.contains(&format!("<span class=\"p\">{row}</span>")),
            "{row}"
        );
    }
    assert!(dom.contains("class=\"map\"") && dom.contains("class=\"area\""));
}

#[test]
fn chromium_shows_reasons_on_a_click_and_filters_rows() {
    // The policy lets only the page's own script run: this copy goes without it, for a script that plays the user.
    let html = page("app", &[small(&["libgreet.so.1"])]);
    let start = html
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .unwrap();
    let end = start + html[start..].find('>').unwrap() + 1;
    let user = "<script>\
        document.querySelector('td.n.met').click();\
        const find = document.querySelector('input[type=search]');\
        find.value = 'libgreet1 GREET_1'; find.dispatchEvent(new Event('input'));\
        document.body.dataset.rows = [...document.querySelectorAll('.grid tbody tr')].filter((r) => r.offsetParent).length;\
        document.querySelector('.part').focus();\
        document.querySelector('.part').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));\
        document.body.dataset.second = document.activeElement.dataset.t;\
        </script></body>";
    let html = format!("{}{}", &html[..start], &html[end..]).replace("</body>", user);
    let Some((dom, log)) = opened(&html) else {
        return;
    };
    assert_eq!(complaints(&log), [""; 0]);
    let panel = &dom[dom.find("<aside").unwrap()..dom.find("</aside>").unwrap()];
    assert!(
        panel.contains("class=\"kept\"") && panel.contains("requires of"),
        "{panel}"
    );
    assert!(dom.contains("data-rows=\"1\""), "one row has both words");
    assert!(
        dom.contains("data-second=\"t0-"),
        "an arrow key goes on to the next area"
    );
}
