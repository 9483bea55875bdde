//! Probes an image that lies in a layout: `probe SERVICE LAYOUT`; with a third argument, a full installation with the
//! image's process and those of its paths that its spec brings: `probe SERVICE LAYOUT ROOTFS PATH…`.

use std::path::Path;

use mikron_live::battery::{Installation, Stage, service};
use mikron_live::runtime::Bundle;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(layout)) = (args.next(), args.next()) else {
        eprintln!("usage: probe SERVICE LAYOUT [ROOTFS]");
        std::process::exit(2);
    };
    let Some(mut bundle) = Bundle::extract(Path::new(&layout)) else {
        std::process::exit(1);
    };
    let mut installation = None;
    if let Some(rootfs) = args.next() {
        let files: Vec<String> = args.collect();
        let Some((over, full)) = Installation::over(Path::new(&rootfs), &bundle, &files) else {
            std::process::exit(1);
        };
        installation = Some(over);
        bundle = full;
    }
    (service(&name).probe)(&Stage::new(bundle));
    drop(installation);
    println!("{name} does its work");
}
