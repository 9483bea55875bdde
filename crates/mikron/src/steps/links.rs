//! Links that a program makes of itself: the applets of busybox, which Alpine's scripts have it install.
//!
//! No script runs. What busybox would make stands in the binary; it becomes part of the package's facts, so that whoever calls
//! an applet finds it, and a finalizer makes the links where nothing else lies.

use std::collections::BTreeSet;
use std::io::Read as _;

use mikron_facts::{MadeLink, PackageFacts, Spool};
use mikron_package::{Contents as _, EntryKind, RootPath};
use mikron_rootfs::{Finalizer, Work};
use mikron_select::PackageInput;

/// The largest busybox that is looked into, in bytes: ten times the size of real ones.
const LARGEST: u64 = 16 << 20;

/// The links that the scripts of a package have its busybox make. The spool has the program.
pub(crate) fn of(facts: &PackageFacts, spool: &Spool) -> Vec<MadeLink> {
    let installs = |script: &mikron_package::Script| {
        mikron_rootfs::scan(&script.text).iter().any(|call| {
            let program = call.name().rsplit('/').next();
            let told = call.arguments().iter().any(|word| word.text == "--install");
            program == Some("busybox") && told
        })
    };
    if !facts.metadata.scripts.iter().any(installs) {
        return Vec::new();
    }
    let program = facts.files.iter().find(|file| {
        let named = file.entry.path.file_name() == Some(b"busybox");
        named && matches!(file.entry.kind, EntryKind::File { size } if size <= LARGEST)
    });
    let Some((program, content)) = program.and_then(|file| Some((file, file.digest?))) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    let read = spool
        .open(&content)
        .and_then(|body| body.take(LARGEST).read_to_end(&mut bytes));
    let names = read.ok().and_then(|_| mikron_apk::applets(&bytes));
    let own: BTreeSet<&RootPath> = facts.files.iter().map(|file| &file.entry.path).collect();
    let link = |name: &str| {
        let path =
            RootPath::new(format!("{}/{name}", mikron_apk::applet_directory(name)).as_bytes())
                .ok()?;
        let program = program.entry.path.clone();
        (!own.contains(&path)).then_some(MadeLink { path, program })
    };
    names.into_iter().flatten().filter_map(link).collect()
}

/// Makes the links of these packages whose program is in the image.
pub(crate) fn links(inputs: &[PackageInput]) -> Finalizer {
    let made = inputs.iter().flat_map(|input| &input.facts.made);
    let made: Vec<MadeLink> = made.cloned().collect();
    let run = move |work: &mut Work<'_>| {
        for link in &made {
            if work.tree.lookup(&link.program).is_some() {
                let target = [b"/", link.program.as_bytes()].concat();
                work.link(&link.path, target)?;
            }
        }
        Ok(())
    };
    Finalizer::new("links of programs", run).reads(&["/**", "scripts"])
}
