//! `repomd.xml`, filelists, metalinks, mirror lists and modules.
//!
//! Nothing may panic; and what is read names no location outside of the repository, and no checksum that is weak.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mikron_package::{Limits, Origin, normal_location};
use mikron_rpm::{
    Unpacked, parse_metalink, parse_mirrorlist, parse_modules, parse_repomd, read_filelists,
};

fuzz_target!(|data: &[u8]| {
    let Some((kind, data)) = data.split_first() else { return };
    let limits = Limits {
        field: 1 << 16,
        release: 1 << 20,
        index_unpacked: 1 << 20,
        ..Limits::default()
    };
    let origin = Origin::named("fuzz");
    match kind % 5 {
        0 => {
            let Ok(repomd) = parse_repomd(data, &limits, &origin) else { return };
            for file in repomd.data.values() {
                let normal = normal_location(&file.location).expect("a reader gives no other");
                assert_eq!(normal, *file.location);
                assert!(file.checksum.as_bytes().len() >= 32);
                if let Ok(text) = Unpacked::new(data, file, &limits) {
                    let _ = read_filelists(text, &limits, &origin, |_, _| {});
                }
            }
        }
        1 => {
            let _ = read_filelists(data, &limits, &origin, |package, _| {
                assert!(package.pkgid.as_bytes().len() >= 32);
            });
        }
        2 => {
            if let Ok(metalink) = parse_metalink(data, &limits, &origin) {
                assert!(!metalink.urls.is_empty() && !metalink.files.is_empty());
            }
        }
        3 => {
            if let Ok(urls) = parse_mirrorlist(data, &limits, &origin) {
                assert!(urls.iter().all(|url| url.contains("://")));
            }
        }
        _ => {
            if let Ok(modules) = parse_modules(data, &limits, &origin) {
                let _ = modules.enable(&BTreeMap::new());
                for stream in modules.streams.iter().take(3) {
                    let choice = [(stream.name.clone(), stream.stream.clone())];
                    let _ = modules.enable(&BTreeMap::from(choice));
                }
            }
        }
    }
});
