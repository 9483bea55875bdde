//! Learns the facts of every .deb in a directory and compares those of each ELF file with readelf(1). Prints counts, the time
//! that our pass took, and every difference.
//!
//! ```sh
//! cargo run --release -p mikron-facts --example survey_facts -- DIRECTORY
//! ```

#[path = "../tests/support/against_readelf.rs"]
mod against_readelf;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mikron_deb::archive::DebFormat;
use mikron_facts::{Class, PackageFacts, Spool, Symbols, scan};
use mikron_package::{Contents as _, Limits, Origin, PackageFormat};
use mikron_testkit::readelf;
use mikron_testkit::tools::tool;

use against_readelf::differences;

/// Files of one call of readelf.
const BATCH: usize = 64;

const RECORDED: [&str; 6] = [
    "pthread_exit",
    "pthread_cancel",
    "backtrace",
    "dlopen",
    "system",
    "iconv_open",
];

#[derive(Default)]
struct Survey {
    archives: u64,
    entries: u64,
    bytes: u64,
    encoded: u64,
    exports: u64,
    compared: u64,
    broken: u64,
    different: u64,
    facts: Duration,
    classes: BTreeMap<Class, u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Survey {
    fn archive(&mut self, readelf: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
        let origin = Origin::named(&path.display().to_string());
        let spool = Spool::new(256 << 20);
        let start = Instant::now();
        let input = Box::new(File::open(path)?);
        let mut reader = DebFormat.open(input, &Limits::default(), &origin)?;
        let facts = scan(
            &mut *reader,
            &spool,
            &Limits::default(),
            &|_| true,
            &Symbols::new(RECORDED),
        )?;
        self.facts += start.elapsed();
        self.encoded += facts.encode()?.len() as u64;
        if PackageFacts::decode(&facts.encode()?)? != facts {
            return Err("encoded and decoded, the facts differ".into());
        }
        self.archives += 1;
        for file in &facts.files {
            self.entries += 1;
            self.bytes += file.entry.size();
            *self.classes.entry(file.class).or_default() += 1;
            if let Some(note) = &file.note {
                self.broken += 1;
                println!("{}: {}: {note}", path.display(), file.entry.path);
            }
            if let Some(elf) = &file.elf {
                let mut count =
                    |what, yes: bool| *self.counts.entry(what).or_default() += u64::from(yes);
                count("ELF files", true);
                count("with dlopen notes", !elf.dlopen.is_empty());
                count(
                    "with filters",
                    !elf.filters.is_empty() || !elf.auxiliaries.is_empty(),
                );
                count("without default directories", elf.no_default_dirs);
                count("programs that bind at once", !elf.unresolved.is_empty());
                count(
                    "that need x86-64-v2 or better",
                    elf.x86_level.is_some_and(|l| l as u8 > 0),
                );
                count(
                    "without known C library",
                    elf.dynamic && elf.libc().is_none(),
                );
                self.exports += elf.exports.as_ref().map_or(0, |e| e.len() as u64);
            }
        }
        let is_elf =
            |at: &usize| facts.files[*at].elf.is_some() && facts.files[*at].entry.is_file();
        let elf: Vec<usize> = (0..facts.files.len()).filter(is_elf).collect();
        for batch in elf.chunks(BATCH) {
            self.compare(readelf, path, &facts, batch, &spool)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        readelf: &Path,
        path: &Path,
        facts: &PackageFacts,
        batch: &[usize],
        spool: &Spool,
    ) -> Result<(), Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        let mut files = Vec::new();
        for at in batch {
            let file = dir.path().join(at.to_string());
            let digest = facts.digest(*at).ok_or("a file without a digest")?;
            io::copy(&mut spool.open(&digest)?, &mut File::create(&file)?)?;
            files.push(file);
        }
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        for (at, said) in batch.iter().zip(readelf::read(readelf, &paths)?) {
            let file = &facts.files[*at];
            let Some(elf) = &file.elf else { continue };
            self.compared += 1;
            let different = differences(elf, &said, &RECORDED);
            self.different += u64::from(!different.is_empty());
            for difference in different {
                let difference: String = difference.chars().take(400).collect();
                println!("{}: {}: {difference}", path.display(), file.entry.path);
            }
        }
        Ok(())
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err("the directory with the archives is missing".into());
    };
    let Some(readelf) = tool("readelf") else {
        return Err("readelf is missing".into());
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .collect();
    paths.sort();
    let mut survey = Survey::default();
    let mut failed = 0;
    for path in &paths {
        if let Err(error) = survey.archive(&readelf, path) {
            failed += 1;
            println!("{}: {error}", path.display());
        }
    }
    println!(
        "{} archives, {} entries, {} bytes of content; facts took {:.1} s and {} bytes, {} exported symbols among them",
        survey.archives,
        survey.entries,
        survey.bytes,
        survey.facts.as_secs_f64(),
        survey.encoded,
        survey.exports
    );
    for (class, count) in &survey.classes {
        println!("  {count:7} {}", class.name());
    }
    for (what, count) in &survey.counts {
        println!("  {count:7} {what}");
    }
    println!(
        "{} ELF files compared with readelf, {} different; {} broken; {failed} archives failed",
        survey.compared, survey.different, survey.broken
    );
    Ok(if survey.different == 0 && failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
