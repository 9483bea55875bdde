//! `mikron cache`.

use std::path::PathBuf;

use mikron::source::Environment;
use mikron::source::cache::{Cache, CacheOptions};

use super::{print, print_json};
use crate::arguments::CacheAction;
use crate::failure::Failure;
use crate::progress;
use crate::text::{Style, count, printable, size};

pub(crate) fn run(action: &CacheAction, quiet: bool, style: Style) -> Result<(), Failure> {
    let directory = directory()?;
    let open = |quota: Option<u64>| {
        let mut options = CacheOptions {
            progress: progress::reporter(quiet, style),
            ..CacheOptions::default()
        };
        if let Some(quota) = quota {
            options.quota = quota;
        }
        Cache::open(&directory, options)
    };
    match action {
        CacheAction::Path => print(&format!("{}\n", directory.display())),
        CacheAction::Gc { quota, json } => {
            let cache = open(*quota)?;
            let mut report = cache.gc()?;
            let whole = quota.unwrap_or_else(|| CacheOptions::default().quota);
            let roots = mikron::collect_unpacked(&cache, whole.saturating_sub(report.left));
            let roots = roots.map_err(|error| Failure::Command {
                message: format!(
                    "unpacked images in {} are not removed: {error}",
                    directory.display()
                ),
                help: "look after the rights of that directory".to_owned(),
            })?;
            report.removed += roots.removed;
            report.freed += roots.freed;
            report.left += roots.left;
            report.over_quota = report.left > whole;
            if *json {
                return print_json(&report);
            }
            let removed = count(report.removed, "file");
            let (freed, left) = (size(report.freed), size(report.left));
            let over = if report.over_quota {
                "; that is over the quota, and all of it is in use"
            } else {
                ""
            };
            print(&format!(
                "removed {removed} ({freed}), {left} are left{over}\n"
            ))
        }
        CacheAction::Verify { json } => {
            let report = open(None)?.verify()?;
            if *json {
                print_json(&report)?;
            } else {
                let checked = count(report.checked, "file");
                print(&format!("read {checked} ({})\n", size(report.bytes)))?;
            }
            if report.corrupt.is_empty() {
                return Ok(());
            }
            let damaged = count(report.corrupt.len(), "file");
            let list: String = report
                .corrupt
                .iter()
                .flat_map(|path| ["\n  ", path.as_str()])
                .collect();
            Err(Failure::Command {
                message: format!(
                    "{damaged} of the cache were damaged and are out of use:{}",
                    printable(&list)
                ),
                help: "the next build fetches or makes them again; look after the disk".to_owned(),
            })
        }
    }
}

fn directory() -> Result<PathBuf, Failure> {
    Environment::of_process().cache_directory().ok_or_else(|| Failure::Command {
        message: "there is no place for a cache: neither MIKRON_CACHE nor XDG_CACHE_HOME nor HOME is set"
            .to_owned(),
        help: "set MIKRON_CACHE to a directory".to_owned(),
    })
}
