//! `mikron matrix`: who requires what of whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use mikron::matrix::{CapabilityRow, Matrix, Need, NeedState, PackageRow, Provider, State};

use super::{builder, print, print_json};
use crate::arguments::Matrix as Arguments;
use crate::failure::Failure;
use crate::text::{Style, count, printable, size, table};

/// How many missing tokens or clashes a table shows before it says how many more there are.
const SHOWN: usize = 40;

pub(crate) fn run(arguments: &Arguments, quiet: bool, style: Style) -> Result<(), Failure> {
    let builder = builder(&arguments.common, quiet, style)?.locked(arguments.locked);
    let matrices = builder
        .matrix()
        .map_err(|error| Failure::of(error, &builder))?;
    if arguments.common.shared.json {
        return print_json(&matrices);
    }
    if let Some(file) = &arguments.html {
        let page = mikron_report::page(&builder.spec().name, &matrices);
        return if file == Path::new("-") {
            print(&page)
        } else {
            std::fs::write(file, page).map_err(|error| {
                Failure::Output(io::Error::new(
                    error.kind(),
                    format!("{}: {error}", file.display()),
                ))
            })
        };
    }
    let text: String = matrices
        .iter()
        .map(|matrix| self::text(matrix, arguments.all))
        .collect();
    print(&text)
}

fn text(matrix: &Matrix, all: bool) -> String {
    let mut text = String::new();
    let platform = matrix.platform;
    let packages = matrix.packages.iter();
    let in_image: Vec<&PackageRow> = packages.filter(|p| p.state != State::LeftOut).collect();
    let bytes: u64 = in_image.iter().map(|p| p.bytes).sum();
    let rows: Vec<&CapabilityRow> = matrix
        .capabilities
        .iter()
        .filter(|row| row.state != State::LeftOut)
        .collect();
    let _ = writeln!(
        text,
        "{platform}: {} of {}, {} unpacked",
        number(rows.len(), "capability", "capabilities"),
        count(in_image.len(), "package"),
        size(bytes)
    );
    text.push_str(&table(
        rows.iter().map(|row| chosen(row)).collect(),
        &[2, 3],
    ));
    let spec = edges("the spec", matrix, None);
    let of_rows = rows
        .iter()
        .filter_map(|row| edges(&row.name, matrix, matrix.row(&row.name)));
    let edges: Vec<Vec<String>> = spec.into_iter().chain(of_rows).collect();
    let met = matrix.needs.iter();
    let met = met.filter(|need| need.state == NeedState::Met).count();
    let _ = writeln!(
        text,
        "{platform}: {met} required tokens are provided, of whom and how many"
    );
    text.push_str(&table(edges, &[]));
    missing(matrix, &mut text);
    clashes(matrix, &mut text);
    let left: Vec<&PackageRow> = matrix
        .packages
        .iter()
        .filter(|p| p.state == State::LeftOut)
        .collect();
    if !left.is_empty() {
        let _ = writeln!(
            text,
            "{platform}: {} left out",
            count(left.len(), "package")
        );
        let row = |p: &&PackageRow| vec![p.name.to_string(), size(p.bytes_left), p.why.clone()];
        text.push_str(&table(left.iter().map(row).collect(), &[1]));
    }
    let of_chosen: Vec<&CapabilityRow> = matrix
        .capabilities
        .iter()
        .filter(|row| {
            let package = &matrix.packages[row.package];
            row.state == State::LeftOut && package.state != State::LeftOut
        })
        .collect();
    if !of_chosen.is_empty() {
        let number = number(of_chosen.len(), "capability", "capabilities");
        let hint = if all { "" } else { " (--all lists them)" };
        let _ = writeln!(
            text,
            "{platform}: {number} of packages in the image left out{hint}"
        );
        if all {
            let row = |r: &&CapabilityRow| {
                vec![
                    r.name.clone(),
                    count(r.files_left, "file"),
                    size(r.bytes_left),
                    r.why.clone(),
                ]
            };
            text.push_str(&table(of_chosen.iter().map(row).collect(), &[1, 2]));
        }
    }
    text
}

fn number(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A capability in the image: state, files, size, why it is there.
fn chosen(row: &CapabilityRow) -> Vec<String> {
    vec![
        row.name.clone(),
        row.state.words().to_owned(),
        count(row.files, "file"),
        size(row.bytes),
        row.why.clone(),
    ]
}

/// How many tokens a capability in the image, or the spec, requires of which others; `None` where it requires nothing.
fn edges(name: &str, matrix: &Matrix, by: Option<usize>) -> Option<Vec<String>> {
    let mut of: BTreeMap<&str, usize> = BTreeMap::new();
    let met = matrix.needs.iter().filter(|need| need.by == by);
    for need in met.filter(|need| need.state == NeedState::Met) {
        let name = match &need.provider {
            Some(Provider::Capability { row, .. }) => matrix.capabilities[*row].name.as_str(),
            Some(Provider::Made { by }) => by.as_str(),
            Some(Provider::Platform) => "the machine",
            None => continue,
        };
        *of.entry(name).or_default() += 1;
    }
    let of: Vec<String> = of.iter().map(|(name, n)| format!("{name} {n}")).collect();
    (!of.is_empty()).then(|| vec![name.to_owned(), of.join(", ")])
}

fn missing(matrix: &Matrix, text: &mut String) {
    let missing: Vec<&Need> = matrix.missing().collect();
    if missing.is_empty() {
        return;
    }
    let platform = matrix.platform;
    let _ = writeln!(
        text,
        "{platform}: {} missing",
        number(missing.len(), "token is", "tokens are")
    );
    for need in missing.iter().take(SHOWN) {
        let by = match (&need.file, need.by) {
            (Some(file), Some(row)) => {
                format!("{file} ({})", matrix.capabilities[row].name)
            }
            (_, Some(row)) => matrix.capabilities[row].name.clone(),
            (_, None) => "the spec".to_owned(),
        };
        let cause = need.cause.as_deref().unwrap_or("nobody provides it");
        let line = format!("  {} is required by {by}: {cause}", need.token);
        let _ = writeln!(text, "{}", printable(&line));
    }
    more(missing.len(), text);
}

fn clashes(matrix: &Matrix, text: &mut String) {
    let clashes: Vec<_> = matrix
        .clashes
        .iter()
        .filter(|clash| clash.is_in())
        .collect();
    if clashes.is_empty() {
        return;
    }
    let platform = matrix.platform;
    let number = number(clashes.len(), "token is", "tokens are");
    let _ = writeln!(text, "{platform}: {number} provided by several packages");
    for clash in clashes.iter().take(SHOWN) {
        let mut names = clash
            .providers
            .iter()
            .map(|one| format!("{} ({})", one.path, matrix.capabilities[one.row].name));
        let first = names.next().unwrap_or_default();
        let others: Vec<String> = names.collect();
        let line = format!(
            "  {}: {first} wins over {}; {}",
            clash.token,
            others.join(", "),
            clash.rule
        );
        let _ = writeln!(text, "{}", printable(&line));
    }
    more(clashes.len(), text);
}

fn more(number: usize, text: &mut String) {
    if number > SHOWN {
        let _ = writeln!(text, "  and {} more (--json has all)", number - SHOWN);
    }
}
