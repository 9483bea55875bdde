//! The bytes of the image as areas: packages, and in them their capabilities.

use std::fmt::Write as _;

use mikron_matrix::{Matrix, Origin};

use crate::escape::{Text, size};

/// The size of the drawing in its own units, which are about pixels.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 420.0;
/// Height of the strip with a package's name.
const STRIP: f64 = 15.0;
/// Mean width of a letter in these units, for deciding which text fits.
const LETTER: f64 = 6.1;

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    fn shrunk(self, by: f64) -> Self {
        Self {
            x: self.x + by,
            y: self.y + by,
            width: (self.width - 2.0 * by).max(0.0),
            height: (self.height - 2.0 * by).max(0.0),
        }
    }
}

/// Divides `area` into rectangles whose areas are in proportion to `sizes`, as near to squares as a greedy layout gets them
/// (Bruls, Huizing, van Wijk: "Squarified Treemaps", 2000). The sizes have to be in falling order; those that are zero get
/// rectangles without area.
///
/// ```
/// use mikron_report::{Rect, squarify};
/// let area = Rect { x: 0.0, y: 0.0, width: 6.0, height: 4.0 };
/// let parts = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], area);
/// let sum: f64 = parts.iter().map(|part| part.width * part.height).sum();
/// assert!((sum - 24.0).abs() < 1e-9);
/// assert!(parts.iter().all(|part| part.x + part.width <= 6.0 + 1e-9));
/// ```
pub fn squarify(sizes: &[f64], area: Rect) -> Vec<Rect> {
    let total: f64 = sizes.iter().sum();
    let nothing = Rect {
        width: 0.0,
        height: 0.0,
        ..area
    };
    if total <= 0.0 || area.width <= 0.0 || area.height <= 0.0 {
        return vec![nothing; sizes.len()];
    }
    let scale = area.width * area.height / total;
    let sizes: Vec<f64> = sizes.iter().map(|size| size.max(0.0) * scale).collect();
    let mut parts = Vec::with_capacity(sizes.len());
    let mut rest = area;
    let mut start = 0;
    while start < sizes.len() {
        let side = rest.width.min(rest.height);
        let mut end = start + 1;
        let mut sum = sizes[start];
        let mut worst = ratio(&sizes[start..end], sum, side);
        while end < sizes.len() {
            let next = sum + sizes[end];
            let with_next = ratio(&sizes[start..=end], next, side);
            if with_next > worst {
                break;
            }
            (sum, worst) = (next, with_next);
            end += 1;
        }
        place(&sizes[start..end], sum, &mut rest, &mut parts);
        start = end;
    }
    parts
}

/// The worst ratio of width and height in a row of rectangles along a side.
fn ratio(row: &[f64], sum: f64, side: f64) -> f64 {
    let largest = row.iter().copied().fold(0.0, f64::max);
    let smallest = row.iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= 0.0 || sum <= 0.0 || side <= 0.0 {
        return f64::INFINITY;
    }
    let (side, sum) = (side * side, sum * sum);
    (side * largest / sum).max(sum / (side * smallest))
}

/// Puts a row along the shorter side of what is left.
fn place(row: &[f64], sum: f64, rest: &mut Rect, parts: &mut Vec<Rect>) {
    let upright = rest.width >= rest.height;
    let side = if upright { rest.height } else { rest.width };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut at = 0.0;
    for size in row {
        let length = if depth > 0.0 { size / depth } else { 0.0 };
        parts.push(if upright {
            Rect {
                x: rest.x,
                y: rest.y + at,
                width: depth,
                height: length,
            }
        } else {
            Rect {
                x: rest.x + at,
                y: rest.y,
                width: length,
                height: depth,
            }
        });
        at += length;
    }
    if upright {
        rest.x += depth;
        rest.width = (rest.width - depth).max(0.0);
    } else {
        rest.y += depth;
        rest.height = (rest.height - depth).max(0.0);
    }
}

/// The colour of a capability: one for each of the large classes, one for what scripts there are, one for the rest.
pub(crate) fn colour(capability: &str) -> &'static str {
    match capability {
        "bins" => "bins",
        "libs" => "libs",
        "modules" => "modules",
        "config" => "config",
        "data" => "data",
        "source" => "source",
        _ => "other",
    }
}

/// Draws the bytes of an image.
#[expect(clippy::cast_precision_loss, reason = "areas of a drawing, not sums")]
pub(crate) fn draw(matrix: &Matrix, number: usize, html: &mut String) {
    let mut packages: Vec<(usize, u64)> = matrix
        .packages
        .iter()
        .enumerate()
        .map(|(at, package)| (at, package.bytes))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    packages.sort_by_key(|(at, bytes)| (std::cmp::Reverse(*bytes), *at));
    let total: u64 = packages.iter().map(|(_, bytes)| bytes).sum();
    let _ = write!(
        html,
        "<svg class=\"map\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-label=\"{} in {} packages, by area\">",
        size(total),
        packages.len()
    );
    let sizes: Vec<f64> = packages.iter().map(|(_, bytes)| *bytes as f64).collect();
    let area = Rect {
        x: 0.0,
        y: 0.0,
        width: WIDTH,
        height: HEIGHT,
    };
    let mut first = true;
    for ((package, bytes), rect) in packages.iter().zip(squarify(&sizes, area)) {
        let row = &matrix.packages[*package];
        let rect = rect.shrunk(1.0);
        let _ = write!(html, "<g class=\"pkg\">{}", frame(rect, "frame"));
        let strip = rect.height > 3.0 * STRIP && rect.width > 40.0;
        let mut inner = rect.shrunk(1.0);
        if strip {
            let label = format!("{} {}", row.name, size(*bytes));
            label_at(
                rect.x + 4.0,
                rect.y + 11.5,
                &label,
                rect.width - 6.0,
                "name",
                html,
            );
            inner.y += STRIP;
            inner.height = (inner.height - STRIP).max(0.0);
        }
        let mut parts: Vec<(usize, u64)> = row
            .capabilities
            .iter()
            .map(|at| (*at, &matrix.capabilities[*at]))
            .filter(|(_, part)| part.origin == Origin::Automatic && part.bytes > 0)
            .map(|(at, part)| (at, part.bytes))
            .collect();
        parts.sort_by_key(|(at, bytes)| (std::cmp::Reverse(*bytes), *at));
        let sizes: Vec<f64> = parts.iter().map(|(_, bytes)| *bytes as f64).collect();
        for ((at, bytes), rect) in parts.iter().zip(squarify(&sizes, inner)) {
            let part = &matrix.capabilities[*at];
            let rect = rect.shrunk(0.5);
            let tabindex = if first { 0 } else { -1 };
            first = false;
            let says = format!("{}, {}: {}", part.name, size(*bytes), part.why);
            let _ = write!(
                html,
                "<g class=\"part k-{}\" data-t=\"t{number}-{at}\" tabindex=\"{tabindex}\" role=\"img\" aria-label=\"{}\"><title>{}</title>{}",
                colour(&part.capability),
                Text(&says),
                Text(&says),
                frame(rect, "area")
            );
            if rect.height > 13.0 {
                let name = if strip { &part.capability } else { &part.name };
                let with_size = format!("{name} {}", size(*bytes));
                let fits = letters(rect.width - 6.0) >= with_size.chars().count();
                let label = if fits { &with_size } else { name };
                let (x, y) = (rect.x + 4.0, rect.y + rect.height.min(24.0) / 2.0 + 4.0);
                label_at(x, y, label, rect.width - 6.0, "label", html);
            }
            html.push_str("</g>");
        }
        html.push_str("</g>");
    }
    html.push_str("</svg>");
}

fn frame(rect: Rect, class: &str) -> String {
    format!(
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        rect.x, rect.y, rect.width, rect.height
    )
}

/// How many letters fit on a line of this length.
#[expect(clippy::cast_sign_loss, reason = "it is not negative")]
fn letters(room: f64) -> usize {
    (room / LETTER).floor().max(0.0) as usize
}

/// Writes text where it fits, cut where a beginning fits.
fn label_at(x: f64, y: f64, text: &str, room: f64, class: &str, html: &mut String) {
    let letters = letters(room);
    let shown: String = if text.chars().count() <= letters {
        text.to_owned()
    } else if letters >= 5 {
        text.chars().take(letters - 1).chain(['…']).collect()
    } else {
        return;
    };
    let _ = write!(
        html,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        Text(&shown)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect {
        x: 10.0,
        y: 20.0,
        width: 300.0,
        height: 200.0,
    };

    #[test]
    fn areas_are_in_proportion_inside_and_do_not_overlap() {
        let sizes = [500.0, 433.0, 78.0, 25.0, 25.0, 7.0, 1.0];
        let parts = squarify(&sizes, AREA);
        let total: f64 = sizes.iter().sum();
        for (part, size) in parts.iter().zip(sizes) {
            let area = part.width * part.height;
            assert!((area - size / total * 60_000.0).abs() < 1e-6);
            assert!(part.x >= 10.0 - 1e-9 && part.x + part.width <= 310.0 + 1e-9);
            assert!(part.y >= 20.0 - 1e-9 && part.y + part.height <= 220.0 + 1e-9);
        }
        for (i, a) in parts.iter().enumerate() {
            for b in &parts[i + 1..] {
                let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
                let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
                assert!(width < 1e-6 || height < 1e-6, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn equal_sizes_are_nearly_squares() {
        for part in squarify(&[1.0; 24], AREA) {
            let ratio = part.width / part.height;
            assert!((0.4..2.5).contains(&ratio), "{part:?}");
        }
    }

    #[test]
    fn nothing_to_draw_is_no_fault() {
        assert!(squarify(&[], AREA).is_empty());
        assert!(squarify(&[0.0, 0.0], AREA)[1].width < 1e-9);
        assert!(
            squarify(&[1.0, 0.0], AREA)
                .iter()
                .all(|p| p.width.is_finite())
        );
    }
}
