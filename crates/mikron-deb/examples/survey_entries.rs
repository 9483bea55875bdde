//! Compares every .deb in a directory with `dpkg-deb --fsys-tarfile`: path, type, mode, owner, group, size, time, link and
//! content digest of each entry, in order. Prints counts, the time that our reader took, and every difference.
//!
//! ```sh
//! cargo run --release -p mikron-deb --example survey_entries -- DIRECTORY
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mikron_deb::archive::DebFormat;
use mikron_package::{Limits, Origin, PackageFormat};
use mikron_testkit::listing::{Listed, list_archive, list_by_dpkg};
use mikron_testkit::tools::tool;

#[derive(Default)]
struct Survey {
    archives: u64,
    entries: u64,
    bytes: u64,
    different: u64,
    ours: Duration,
    oldest: i64,
    members: BTreeMap<String, u64>,
}

fn ours(path: &Path) -> Result<Vec<Listed>, Box<dyn Error>> {
    let origin = Origin::named(&path.display().to_string());
    let input = Box::new(File::open(path)?);
    let mut reader = DebFormat.open(input, &Limits::default(), &origin)?;
    Ok(list_archive(&mut *reader)?)
}

/// The names of the control and data members, straight from the headers.
fn members(path: &Path) -> Result<String, Box<dyn Error>> {
    let mut ar = mikron_archive::ArReader::new(File::open(path)?, &Limits::default())?;
    let mut names = Vec::new();
    while let Some(member) = ar.next_member()? {
        names.push(String::from_utf8_lossy(&member.name).into_owned());
    }
    Ok(names[1..].join(" "))
}

fn compare(survey: &mut Survey, dpkg_deb: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let found = ours(path)?;
    survey.ours += start.elapsed();
    let expected = list_by_dpkg(dpkg_deb, path)?;
    survey.entries += found.len() as u64;
    survey.bytes += found.iter().map(|entry| entry.size).sum::<u64>();
    let times = found.iter().map(|entry| entry.mtime).filter(|t| *t > 0);
    survey.oldest = times.min().unwrap_or(survey.oldest).min(survey.oldest);
    *survey.members.entry(members(path)?).or_default() += 1;
    if found == expected {
        return Ok(());
    }
    let pair = found.iter().zip(&expected).find(|(a, b)| a != b);
    Err(format!(
        "{} entries against {}; first difference: {pair:?}",
        found.len(),
        expected.len()
    )
    .into())
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err("the directory with the archives is missing".into());
    };
    let Some(dpkg_deb) = tool("dpkg-deb") else {
        return Err("dpkg-deb is missing".into());
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .collect();
    paths.sort();
    let mut survey = Survey {
        oldest: i64::MAX,
        ..Survey::default()
    };
    for path in &paths {
        survey.archives += 1;
        if let Err(error) = compare(&mut survey, &dpkg_deb, path) {
            survey.different += 1;
            println!("{}: {error}", path.display());
        }
    }
    println!(
        "{} archives, {} entries, {} bytes of content; oldest entry {} s after 1970",
        survey.archives, survey.entries, survey.bytes, survey.oldest
    );
    for (names, count) in &survey.members {
        println!("  {count:5} × {names}");
    }
    println!("our reader: {:.2} s", survey.ours.as_secs_f64());
    println!("different: {}", survey.different);
    Ok(if survey.different == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
