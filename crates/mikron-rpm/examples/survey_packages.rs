//! Lets rpmbuild make large packages, and compares every file of them with what rpm sees, and every entry with what cpio lists of
//! rpm2cpio's output: many files in every payload, and a sparse file of more than 4 GiB, which only the stripped form of the
//! payload can hold (and cpio cannot read). Prints times and the memory taken.
//!
//! ```sh
//! cargo run --release -p mikron-rpm --example survey_packages -- 40000 4400
//! ```
//!
//! The arguments are the number of files, and the size of the large one in MiB (0 for none).

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mikron_package::{EntryKind, HashingReader, Limits, Origin, PackageFormat};
use mikron_rpm::RpmFormat;
use mikron_testkit::rpm::rpmbuild;
use mikron_testkit::tools::tool;

const HEAD: &str = "Name: large\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n\
                    %description\nx\n";

type Lines = BTreeMap<String, String>;

/// The largest resident set so far, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The files as lines, and every entry with its size: what its content in the payload has.
fn ours(package: &Path) -> Result<(Lines, BTreeMap<String, u64>), Box<dyn Error>> {
    let input = Box::new(File::open(package)?);
    let mut reader = RpmFormat.open(input, &Limits::default(), &Origin::named("large.rpm"))?;
    let mut lines = Lines::new();
    let mut contents = BTreeMap::new();
    let mut entries = BTreeMap::new();
    while let Some(entry) = reader.next_entry()? {
        let path = entry.path.to_string();
        entries.insert(path.clone(), entry.size());
        let (size, digest) = match &entry.kind {
            EntryKind::File { size } => {
                let mut body = HashingReader::new(reader.body());
                io::copy(&mut body, &mut io::sink())?;
                let found = (*size, body.finish().0.hex());
                contents.insert(path.clone(), found.clone());
                found
            }
            EntryKind::Hardlink { target } => contents[&target.to_string()].clone(),
            _ => continue,
        };
        let (mode, mtime) = (entry.mode, entry.mtime);
        lines.insert(path, format!("{mode:o}|{mtime}|{size}|{digest}"));
    }
    Ok((lines, entries))
}

/// Every entry as cpio lists it, with its size; that of the names of a hard link set is 0 but for one.
fn listed(
    rpm2cpio: &Path,
    cpio: &Path,
    package: &Path,
) -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let mut unpack = Command::new(rpm2cpio)
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = Command::new(cpio)
        .args(["--quiet", "-itvn"])
        .env("LC_ALL", "C")
        .stdin(unpack.stdout.take().ok_or("a pipe")?)
        .output()?;
    if !unpack.wait()?.success() || !output.status.success() {
        return Err("rpm2cpio or cpio failed".into());
    }
    let mut entries = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        // Mode, links, owner, group, size, month, day, year, name.
        let size = line.split_whitespace().nth(4).ok_or("a size")?.parse()?;
        let begin = line.find(" ./").ok_or("a name")? + 2;
        entries.insert(line[begin..].to_owned(), size);
    }
    Ok(entries)
}

fn theirs(rpm: &Path, package: &Path) -> Result<Lines, Box<dyn Error>> {
    let size = "%{LONGFILESIZES}";
    let format =
        format!("[%{{FILENAMES}}|%{{FILEMODES:octal}}|%{{FILEMTIMES}}|{size}|%{{FILEDIGESTS}}\n]");
    let output = Command::new(rpm)
        .args(["-qp", "--nosignature", "--qf", &format])
        .arg(package)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines = Lines::new();
    for line in text.lines() {
        let (path, rest) = line.split_once('|').ok_or("a line of fields")?;
        if let Some(rest) = rest.strip_prefix("100") {
            lines.insert(path.to_owned(), rest.to_owned());
        }
    }
    Ok(lines)
}

fn compare(
    rpm: &Path,
    dir: &Path,
    spec: &str,
    payload: &str,
    with_cpio: bool,
) -> Result<(), Box<dyn Error>> {
    let builder = tool("rpmbuild").ok_or("rpmbuild is missing")?;
    let dir = dir.join(payload);
    fs::create_dir(&dir)?;
    let begin = Instant::now();
    let built = rpmbuild(&builder, &dir, spec, &[("_binary_payload", payload)])?;
    let package = built.first().ok_or("a package")?;
    let built_in = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let (ours, entries) = ours(package)?;
    let read_in = begin.elapsed().as_secs_f64();
    let theirs = theirs(rpm, package)?;
    let different = theirs
        .iter()
        .filter(|(path, line)| {
            ours.get(*path).map(|line| line.trim_start_matches('0'))
                != Some(line.trim_start_matches('0'))
        })
        .count();
    println!(
        "{payload}: {} bytes, {} files, built in {built_in:.1} s, read in {read_in:.2} s, peak {} KiB so far, {different} differ",
        package.metadata()?.len(),
        ours.len(),
        peak()
    );
    if different > 0 || ours.len() != theirs.len() {
        return Err(format!("{payload}: rpm sees other files").into());
    }
    if let (true, Some(rpm2cpio), Some(cpio)) = (with_cpio, tool("rpm2cpio"), tool("cpio")) {
        let listed = listed(&rpm2cpio, &cpio, package)?;
        let total = |entries: &BTreeMap<String, u64>| entries.values().sum::<u64>();
        let same = entries
            .iter()
            .filter(|(path, size)| listed.get(*path) == Some(size));
        let linked = same.clone().count().abs_diff(listed.len());
        println!(
            "{payload}: cpio lists {} entries, {linked} of other sizes (hard links)",
            listed.len()
        );
        // Both names of the one hard link set may have the content; the sum is the same.
        if !entries.keys().eq(listed.keys()) || total(&entries) != total(&listed) || linked > 2 {
            return Err(format!("{payload}: cpio lists other entries").into());
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let files: u64 = arguments.next().ok_or("how many files?")?.parse()?;
    let large: u64 = arguments.next().ok_or("how large a file?")?.parse()?;
    let rpm = tool("rpm").ok_or("rpm is missing")?;
    let dir = tempfile::tempdir()?;
    let many = format!(
        "{HEAD}%install\nfor d in $(seq 100); do mkdir -p %{{buildroot}}/usr/share/many/$d; done\nawk 'BEGIN {{ for (n = 0; \
         n < {files}; n++) {{ f = sprintf(\"%{{buildroot}}/usr/share/many/%%d/file-%%d\", n %% 100 + 1, n); print \"content of\", \
         n > f; close(f) }} }}'\nln %{{buildroot}}/usr/share/many/1/file-0 %{{buildroot}}/usr/share/many/2/link\n%files\n\
         /usr/share/many\n"
    );
    for payload in [
        "w9.gzdio",
        "w9.bzdio",
        "w7.xzdio",
        "w19.zstdio",
        "w7.lzdio",
        "w.ufdio",
    ] {
        compare(&rpm, dir.path(), &many, payload, true)?;
        fs::remove_dir_all(dir.path().join(payload))?;
    }
    if large > 0 {
        let spec = format!(
            "{HEAD}%install\nmkdir -p %{{buildroot}}/var/lib\ntruncate -s {large}M %{{buildroot}}/var/lib/large\nprintf end >> \
             %{{buildroot}}/var/lib/large\necho small > %{{buildroot}}/var/lib/small\nln %{{buildroot}}/var/lib/small \
             %{{buildroot}}/var/lib/again\n%files\n/var/lib/large\n/var/lib/small\n/var/lib/again\n"
        );
        compare(&rpm, dir.path(), &spec, "w1.zstdio", false)?;
    }
    Ok(())
}
