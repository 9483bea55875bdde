//! `mikron capabilities`: what a package offers.

use std::fmt::Write as _;

use mikron::matrix::{Capability, Origin, Required, Strength};
use mikron::package::PackageName;
use mikron::solve::SolveError;
use mikron::{Builder, PackageCapabilities};

use super::{builder_for, print, print_json};
use crate::arguments::Capabilities as Arguments;
use crate::failure::Failure;
use crate::text::{Style, count, printable, size};

/// How many tokens of one list are shown before it says how many more there are.
const SHOWN: usize = 12;

pub(crate) fn run(arguments: &Arguments, quiet: bool, style: Style) -> Result<(), Failure> {
    let offers = match &arguments.spec {
        None if !arguments.package.exists() && looks_like_a_name(arguments) => {
            let name = arguments.package.display();
            return Err(Failure::Command {
                message: format!("there is no archive `{name}`"),
                help:
                    "name the spec whose sources have the package with --spec, or an archive (.deb, .rpm, .apk)"
                        .to_owned(),
            });
        }
        None => vec![PackageCapabilities::of_archive(&arguments.package)?],
        Some(spec) => {
            let builder = builder_for(spec, &arguments.shared, quiet, style)?;
            let name = arguments.package.display().to_string();
            let name = PackageName::new(&name).map_err(|error| Failure::Command {
                message: error.to_string(),
                help: "with --spec, name a package as its source does".to_owned(),
            })?;
            builder
                .capabilities(&name)
                .map_err(|error| unknown(error, &name, &builder))?
        }
    };
    if arguments.shared.json {
        return print_json(&offers);
    }
    let text = offers.iter().map(|offer| self::text(offer, arguments.all));
    print(&text.collect::<String>())
}

/// That no source has the package is told as such: it is not the spec that asks for it.
fn unknown(error: mikron::Error, name: &PackageName, builder: &Builder) -> Failure {
    let mikron::Error::Solve {
        platform,
        error: SolveError::Missing(missing),
    } = &error
    else {
        return Failure::of(error, builder);
    };
    let near = missing.iter().flat_map(|missing| {
        let (notes, remedies) = (missing.notes(), missing.remedies());
        notes.into_iter().chain(remedies)
    });
    let near: Vec<String> = near.collect();
    Failure::Command {
        message: format!(
            "no source of {} has `{name}` for {platform}",
            builder.file().display()
        ),
        help: near.join("\n"),
    }
}

fn looks_like_a_name(arguments: &Arguments) -> bool {
    let text = arguments.package.display().to_string();
    PackageName::new(&text).is_ok() && arguments.package.extension().is_none()
}

fn text(offer: &PackageCapabilities, all: bool) -> String {
    let mut text = String::new();
    if let Some(platform) = offer.platform {
        let _ = write!(text, "{platform}: ");
    }
    let automatic = || {
        let all = offer.capabilities.iter();
        all.filter(|c| c.origin == Origin::Automatic)
    };
    let files: usize = automatic().map(|c| c.files).sum();
    let bytes: u64 = automatic().map(|c| c.bytes).sum();
    let _ = writeln!(
        text,
        "{} {} ({}): {}, {}",
        offer.name,
        offer.version,
        printable(&offer.arch),
        count(files, "file"),
        size(bytes)
    );
    list(
        "provides",
        offer.provides.iter().map(ToString::to_string),
        all,
        2,
        &mut text,
    );
    list(
        "depends on",
        offer.requires.iter().map(required),
        all,
        2,
        &mut text,
    );
    for capability in &offer.capabilities {
        self::capability(offer, capability, all, &mut text);
    }
    text
}

fn capability(offer: &PackageCapabilities, capability: &Capability, all: bool, text: &mut String) {
    let origin = match capability.origin {
        Origin::Automatic => "automatic",
        Origin::Definition => "by definition",
    };
    let name = format!("{}:{}", offer.name, capability.name);
    let _ = writeln!(
        text,
        "  {} ({origin}): {}, {}",
        printable(&name),
        count(capability.files, "file"),
        size(capability.bytes)
    );
    let provides = capability.provides.iter().map(ToString::to_string);
    list("provides", provides, all, 4, text);
    list(
        "requires",
        capability.requires.iter().map(required),
        all,
        4,
        text,
    );
}

fn required(required: &Required) -> String {
    let mut text = required.token.to_string();
    for other in &required.instead {
        let _ = write!(text, " or {other}");
    }
    match required.strength {
        Strength::Required => {}
        Strength::Recommended => text.push_str(" (recommended)"),
        Strength::Optional => text.push_str(" (optional)"),
    }
    text
}

fn list(
    label: &str,
    tokens: impl ExactSizeIterator<Item = String>,
    all: bool,
    indent: usize,
    text: &mut String,
) {
    let number = tokens.len();
    for (at, token) in tokens.enumerate() {
        if at == SHOWN && !all && number > SHOWN + 1 {
            let _ = writeln!(
                text,
                "{:indent$}and {} more (--all lists them)",
                "",
                number - SHOWN
            );
            return;
        }
        let _ = writeln!(text, "{:indent$}{label} {}", "", printable(&token));
    }
}
