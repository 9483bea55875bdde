//! The cold parse of a whole suite, from a copy on disk.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mikron_live::mirror::Mirror;
use mikron_package::{Limits, Silent};
use mikron_source::cache::{Cache, CacheOptions};
use mikron_source::deb::{Context, DebRepository, refresh};
use mikron_source::fetch::{HttpOptions, Router};
use mikron_source::preset::debian_keyring;

use crate::measure::{Failed, run};
use crate::peers;

const RELEASE: &str = "dists/trixie/InRelease";
const PACKAGES: &str = "dists/trixie/main/binary-amd64/Packages.gz";

/// A copy of the suite on disk, so that the network is not measured.
///
/// # Errors
/// When curl fails.
pub fn copy(mirror: &Mirror, to: &Path) -> Result<(), Failed> {
    for file in [RELEASE, PACKAGES] {
        run(Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "--location",
                "--create-dirs",
            ])
            .arg("--output")
            .arg(to.join(file))
            .arg(format!("{}/{file}", mirror.main)))?;
    }
    Ok(())
}

/// Verifies, unpacks and parses the suite with an empty cache: the time, and the number of packages.
///
/// # Errors
/// When it is not to be trusted or read.
pub fn parse(copy: &Path, cache: &Path) -> Result<(Duration, u32), Failed> {
    peers::empty(cache)?;
    let cache = Cache::open(cache, CacheOptions::default()).map_err(Failed::of("the cache"))?;
    let fetch = Router::standard(HttpOptions::default());
    let limits = Limits::default();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let base = format!("file://{}", copy.display());
    let repository = DebRepository::new("debian", &base, "trixie", debian_keyring());
    let begin = Instant::now();
    let context = Context::new(&fetch, &cache, &Silent, &limits, now);
    let suites = refresh(&context, &[repository], &["amd64"]).map_err(Failed::of("trixie"))?;
    let mut packages = 0;
    for suite in &suites {
        for part in suite.parts(&context).map_err(Failed::of("trixie"))? {
            packages += part.index.len();
        }
    }
    Ok((begin.elapsed(), packages))
}
