//! The page around matrix and treemap.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mikron_matrix::{Matrix, NeedState, State};
use sha2::{Digest as _, Sha256};

use crate::details::{Index, templates};
use crate::escape::{Text, count, size};
use crate::{grid, lists, treemap};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Renders the matrices of one spec, one for each platform, as an HTML page.
///
/// ```
/// let page = mikron_report::page("nginx", &[]);
/// assert!(page.starts_with("<!DOCTYPE html>"));
/// assert!(page.contains("<title>nginx · Mikron matrix</title>"));
/// assert!(!page.contains("https:") && !page.contains("http:"));
/// ```
pub fn page(name: &str, matrices: &[Matrix]) -> String {
    let mut html = String::with_capacity(1 << 18);
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; form-action 'none'; \
         style-src 'sha256-{}'; script-src 'sha256-{}'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} · Mikron matrix</title><style>{STYLE}</style></head><body>",
        digest(STYLE),
        digest(SCRIPT),
        Text(name)
    );
    let _ = write!(
        html,
        "<header class=\"top\"><h1>{}</h1><p>compatibility matrix</p><nav>",
        Text(name)
    );
    if matrices.len() > 1 {
        for (number, matrix) in matrices.iter().enumerate() {
            let _ = write!(html, "<a href=\"#p{number}\">{}</a>", matrix.platform);
        }
    }
    html.push_str("</nav></header><div class=\"page\"><main>");
    for (number, matrix) in matrices.iter().enumerate() {
        platform(matrix, number, &mut html);
    }
    html.push_str(
        "</main><aside id=\"panel\" aria-live=\"polite\" tabindex=\"-1\"><p class=\"hint\">Point at an area, a row or a mark, or go \
         there with Tab and the arrow keys, and its reasons appear here. Click or press Enter to keep them, Escape to let go.</p>\
         </aside></div>",
    );
    let _ = writeln!(html, "<script>{SCRIPT}</script></body></html>");
    html
}

/// The digest of an inline style or script, as a policy names it (Content Security Policy, level 3, 2.3.1).
fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn platform(matrix: &Matrix, number: usize, html: &mut String) {
    let index = Index::new(matrix);
    let _ = write!(
        html,
        "<section class=\"platform\" id=\"p{number}\"><h2>{}</h2>",
        matrix.platform
    );
    tiles(matrix, html);
    lists::missing(matrix, html);
    html.push_str("<figure><figcaption><h3>Bytes by package and capability</h3>");
    legend(html);
    html.push_str("</figcaption>");
    treemap::draw(matrix, number, html);
    html.push_str("</figure>");
    let _ = write!(
        html,
        "<div class=\"bar\"><h3>Matrix</h3><label class=\"find\">Filter <input type=\"search\" data-p=\"p{number}\" \
         placeholder=\"package, capability or token\" autocomplete=\"off\" spellcheck=\"false\"></label>\
         <label><input type=\"checkbox\" data-p=\"p{number}\"> left-out capabilities, too ({})</label><output></output></div>",
        matrix
            .capabilities
            .iter()
            .filter(|row| row.state == State::LeftOut)
            .count()
    );
    grid::draw(matrix, &index, number, html);
    html.push_str(
        "<p class=\"key\">A number counts the tokens that the row requires of the column. <i class=\"n met w3\">7</i> met \
         <i class=\"n waived w3\">7</i> does without <i class=\"n idle w3\">7</i> would be required, were the row in the image \
         <i class=\"n missing w3\">7</i> missing</p>",
    );
    lists::clashes(matrix, html);
    lists::left_out(matrix, html);
    lists::reasons(matrix, html);
    templates(matrix, &index, number, html);
    html.push_str("</section>");
}

fn tiles(matrix: &Matrix, html: &mut String) {
    let packages = &matrix.packages;
    let chosen = packages.iter().filter(|p| p.state != State::LeftOut);
    let rows = matrix.capabilities.iter();
    let rows_in = rows.clone().filter(|row| row.state != State::LeftOut);
    let bytes: u64 = packages.iter().map(|p| p.bytes).sum();
    let all: u64 = bytes + packages.iter().map(|p| p.bytes_left).sum::<u64>();
    let in_state = |state: NeedState| matrix.needs.iter().filter(|n| n.state == state).count();
    let missing = in_state(NeedState::Missing);
    let clashes = matrix.clashes.iter().filter(|clash| clash.is_in()).count();
    let share = (bytes * 1000).checked_div(all).unwrap_or(0);
    html.push_str("<div class=\"tiles\">");
    let mut tile = |value: String, label: String, class: &str| {
        let _ = write!(
            html,
            "<div class=\"tile {class}\"><b>{value}</b><span>{label}</span></div>"
        );
    };
    tile(
        size(bytes),
        format!("of {} unpacked, {}.{} %", size(all), share / 10, share % 10),
        "",
    );
    tile(
        chosen.count().to_string(),
        format!("of {}", count(packages.len(), "package", "packages")),
        "",
    );
    tile(
        rows_in.count().to_string(),
        format!("of {}", count(rows.len(), "capability", "capabilities")),
        "",
    );
    tile(
        in_state(NeedState::Met).to_string(),
        "required tokens met".to_owned(),
        "",
    );
    let alert = if missing > 0 { "bad" } else { "good" };
    tile(missing.to_string(), "missing".to_owned(), alert);
    tile(clashes.to_string(), "provided twice".to_owned(), "");
    html.push_str("</div>");
}

fn legend(html: &mut String) {
    html.push_str("<ul class=\"legend\">");
    for (class, label) in [
        ("bins", "programs"),
        ("libs", "libraries"),
        ("modules", "modules"),
        ("data", "data"),
        ("config", "configuration"),
        ("source", "code"),
        ("other", "other"),
    ] {
        let _ = write!(
            html,
            "<li><i class=\"dot s-all k-{class}\"></i>{label}</li>"
        );
    }
    html.push_str("</ul>");
}
