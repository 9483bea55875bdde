//! The second list: each service at its work in its image and in a full installation.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use mikron::Output;
use mikron_live::battery::{SECOND, Service, Stage};
use mikron_live::installed::Base;
use mikron_live::runtime::Bundle;
use tempfile::TempDir;

use super::common::{self, beside};

/// How the work of a service ended in two places.
struct Row {
    bytes: u64,
    image: Result<(), String>,
    installation: Result<(), String>,
}

/// Prints a table of the services that are called so, or of all; `quick` packs them as fast as can be.
pub(crate) fn run(wanted: &[String], quick: bool) -> ExitCode {
    let Some(base) = common::installed::base() else {
        return ExitCode::from(2);
    };
    println!("| service | in the image | in the installation | bytes of the image |");
    println!("|---|---|---|---:|");
    let (mut equal, mut all) = (0, 0);
    for service in beside::chosen(SECOND, wanted) {
        all += 1;
        match row(service, &base, quick) {
            Ok(row) => {
                equal += usize::from(row.image.is_ok() == row.installation.is_ok());
                let [image, installation] = [&row.image, &row.installation].map(|end| match end {
                    Ok(()) => "works",
                    Err(_) => "**fails**",
                });
                println!(
                    "| {} | {image} | {installation} | {} |",
                    service.name, row.bytes
                );
                for (place, end) in [("image", row.image), ("installation", row.installation)] {
                    if let Err(reason) = end {
                        eprintln!("{} in the {place}: {reason}", service.name);
                    }
                }
            }
            Err(reason) => {
                println!("| {} | not compared | | |", service.name);
                eprintln!("{}: {reason}", service.name);
            }
        }
        let _ = std::io::stdout().flush();
    }
    println!("\n{equal} of {all} end in the image as in the installation.");
    ExitCode::from(u8::from(equal < all))
}

/// Builds one service, and has it work.
fn row(service: &Service, base: &Base, quick: bool) -> Result<Row, String> {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("layout");
    let spec = if quick {
        common::quick(service.spec)
    } else {
        service.spec.to_owned()
    };
    let builder = common::builder(&spec, dir.path()).ok_or("there is no mirror")?;
    let report = builder
        .platform("linux/amd64".parse().unwrap())
        .output(Output::layout(&layout, "latest"))
        .build()
        .map_err(|error| error.to_string())?;
    let image = Bundle::extract(&layout).ok_or("it is not extracted")?;
    let beside = beside::Beside::of(service, &image, base).ok_or("it is not installed")?;
    Ok(Row {
        bytes: report.size(),
        image: work(service, image),
        installation: work(service, beside.bundle),
    })
}

/// Has a service work; what is wrong, where something is.
fn work(service: &Service, bundle: Bundle) -> Result<(), String> {
    let probe = AssertUnwindSafe(|| (service.probe)(&Stage::new(bundle)));
    catch_unwind(probe).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it ended").to_owned()
    })
}
