//! What stands beside the matrix: what is missing, what clashes, what was left out, and all reasons as a list.

use std::fmt::Write as _;

use mikron_matrix::{Clash, Matrix, Need, PackageRow, State};

use crate::details::{chain, state_class};
use crate::escape::{Text, count, size};

/// How many lines a list has before it says how many more there are.
const SHOWN: usize = 500;

pub(crate) fn missing(matrix: &Matrix, html: &mut String) {
    let missing: Vec<&Need> = matrix.missing().collect();
    if missing.is_empty() {
        return;
    }
    let _ = write!(
        html,
        "<section class=\"alert\"><h3>{} missing</h3><table class=\"list\"><thead><tr><th>token</th><th>required by</th><th>why</th></tr></thead><tbody>",
        count(missing.len(), "token is", "tokens are")
    );
    for need in missing.iter().take(SHOWN) {
        let by = need
            .by
            .map_or("the spec", |row| matrix.capabilities[row].name.as_str());
        let file = need.file.as_ref().map(ToString::to_string);
        let _ = write!(
            html,
            "<tr><td><code>{}</code></td><td>{} <span class=\"by\">{}</span></td><td>{}</td></tr>",
            Text(&need.token.to_string()),
            Text(by),
            Text(&file.unwrap_or_default()),
            Text(need.cause.as_deref().unwrap_or_default())
        );
    }
    html.push_str("</tbody></table></section>");
}

pub(crate) fn clashes(matrix: &Matrix, html: &mut String) {
    let clashes: Vec<&Clash> = matrix
        .clashes
        .iter()
        .filter(|clash| clash.is_in())
        .collect();
    if clashes.is_empty() {
        return;
    }
    let _ = write!(
        html,
        "<section><h3>{} provided by several packages</h3><table class=\"list\"><thead><tr><th>token</th><th>wins</th><th>over</th><th>because</th></tr></thead><tbody>",
        count(clashes.len(), "token is", "tokens are")
    );
    for clash in clashes.iter().take(SHOWN) {
        let mut names = clash
            .providers
            .iter()
            .map(|one| format!("{} ({})", one.path, matrix.capabilities[one.row].name));
        let first = names.next().unwrap_or_default();
        let others: Vec<String> = names.collect();
        let _ = write!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Text(&clash.token.to_string()),
            Text(&first),
            Text(&others.join(", ")),
            Text(&clash.rule)
        );
    }
    html.push_str("</tbody></table></section>");
}

pub(crate) fn left_out(matrix: &Matrix, html: &mut String) {
    let left = matrix.packages.iter().enumerate();
    let left: Vec<(usize, &PackageRow)> = left
        .filter(|(_, package)| package.state == State::LeftOut)
        .collect();
    if left.is_empty() {
        return;
    }
    let bytes: u64 = left.iter().map(|(_, package)| package.bytes_left).sum();
    let _ = write!(
        html,
        "<details><summary><h3>{} left out, {}</h3></summary><table class=\"list\"><thead><tr><th>package</th><th class=\"num\">bytes</th><th>why</th><th>depended on by</th></tr></thead><tbody>",
        count(left.len(), "package", "packages"),
        size(bytes)
    );
    for (at, package) in left {
        let by = matrix.packages.iter().filter(|other| {
            let mut depends = other.depends.iter();
            depends.any(|dependency| dependency.package == at)
        });
        let names: Vec<&str> = by.map(|other| other.name.as_str()).collect();
        let _ = write!(
            html,
            "<tr><td>{} <span class=\"by\">{}</span></td><td class=\"num\">{}</td><td>{}</td><td>{}</td></tr>",
            Text(package.name.as_str()),
            Text(package.version.as_str()),
            size(package.bytes_left),
            Text(&package.why),
            Text(&names.join(", "))
        );
    }
    html.push_str("</tbody></table></details>");
}

/// Every capability in the image with its reason and its chain: the page without a pointer, a script or a screen.
pub(crate) fn reasons(matrix: &Matrix, html: &mut String) {
    html.push_str(
        "<details><summary><h3>All reasons as a list</h3></summary><table class=\"list\"><thead><tr><th>capability</th><th class=\"num\">files</th><th class=\"num\">bytes</th><th>why</th><th>shortest chain</th></tr></thead><tbody>",
    );
    for row in matrix
        .capabilities
        .iter()
        .filter(|row| row.state != State::LeftOut)
    {
        let _ = write!(
            html,
            "<tr><td>{} <span class=\"state s-{}\">{}</span></td><td class=\"num\">{}</td><td class=\"num\">{}</td><td>{}</td><td>",
            Text(&row.name),
            state_class(row.state),
            row.state.words(),
            row.files,
            size(row.bytes),
            Text(&row.why)
        );
        chain(matrix, row, html);
        html.push_str("</td></tr>");
    }
    html.push_str("</tbody></table></details>");
}
