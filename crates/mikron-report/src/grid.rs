//! The matrix itself: capabilities that require, against capabilities that provide.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mikron_matrix::{Matrix, Need, NeedState, Provider, State};

use crate::details::{Index, need_class, state_class};
use crate::escape::{Text, count, size};
use crate::treemap::colour;

/// A column: who provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Row(usize),
    /// Finalizers, the engine, the machine.
    Made,
    Nobody,
}

/// Column counts from which cells get narrower on paper.
const WIDE: usize = 36;
const HUGE: usize = 64;

pub(crate) fn draw(matrix: &Matrix, index: &Index<'_>, number: usize, html: &mut String) {
    let columns = columns(matrix);
    let class = match columns.len() {
        n if n > HUGE => " huge",
        n if n > WIDE => " wide",
        _ => "",
    };
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"matrix\"><table class=\"grid{class}\"><thead><tr>\
         <th class=\"corner\"><span>requires ↓ &#160; of →</span></th><th class=\"num\">bytes</th>"
    );
    for column in &columns {
        header(matrix, *column, number, html);
    }
    html.push_str("<th class=\"why\">why</th></tr></thead><tbody>");
    spec(index, &columns, number, html);
    let mut last = None;
    for (at, row) in matrix.capabilities.iter().enumerate() {
        let package = &matrix.packages[row.package];
        // Among those that are shown, the first of a package has a line above it.
        let in_image = row.state != State::LeftOut;
        let first = in_image && last != Some(row.package);
        if in_image {
            last = Some(row.package);
        }
        let out = if in_image { "" } else { " out" };
        let line = if first { " first" } else { "" };
        let _ = write!(
            html,
            "<tr class=\"r{out}{line}\" data-t=\"t{number}-{at}\"><th scope=\"row\"><button type=\"button\" data-t=\"t{number}-{at}\">\
             <i class=\"dot k-{} s-{}\"></i><span class=\"p\">{}</span>:<b>{}</b></button></th><td class=\"num\">{}</td>",
            colour(&row.capability),
            state_class(row.state),
            Text(package.name.as_str()),
            Text(&row.capability),
            size(if in_image { row.bytes } else { row.bytes_left }),
        );
        cells(
            index.of(Some(at)),
            &columns,
            &format!("t{number}-{at}"),
            Some(at),
            html,
        );
        let _ = write!(html, "<td class=\"why\">{}</td></tr>", Text(&row.why));
    }
    html.push_str("</tbody></table></div>");
}

fn column_of(need: &Need) -> Option<Column> {
    match (&need.provider, need.state) {
        (Some(Provider::Capability { row, .. }), _) => Some(Column::Row(*row)),
        (Some(Provider::Made { .. } | Provider::Platform), _) => Some(Column::Made),
        (None, NeedState::Missing) => Some(Column::Nobody),
        // What nobody has and nobody misses is in the details.
        (None, _) => None,
    }
}

/// Who provides something that the image has or misses: those that most rows require come first.
fn columns(matrix: &Matrix) -> Vec<Column> {
    let mut users: BTreeMap<Column, std::collections::BTreeSet<Option<usize>>> = BTreeMap::new();
    let needs = matrix.needs.iter();
    for need in needs.filter(|n| matches!(n.state, NeedState::Met | NeedState::Missing)) {
        if let Some(column) = column_of(need)
            && column != need.by.map_or(Column::Nobody, Column::Row)
        {
            users.entry(column).or_default().insert(need.by);
        }
    }
    let mut columns: Vec<(Column, usize)> = users.iter().map(|(c, by)| (*c, by.len())).collect();
    columns.sort_by_key(|(column, users)| {
        let missing = *column != Column::Nobody;
        (
            missing,
            *column == Column::Made,
            std::cmp::Reverse(*users),
            *column,
        )
    });
    columns.into_iter().map(|(column, _)| column).collect()
}

fn header(matrix: &Matrix, column: Column, number: usize, html: &mut String) {
    let _ = match column {
        Column::Row(at) => {
            let row = &matrix.capabilities[at];
            let package = &matrix.packages[row.package];
            write!(
                html,
                "<th scope=\"col\" class=\"c\" data-t=\"t{number}-{at}\" title=\"{}\"><div><span class=\"p\">{}</span>:<b>{}</b></div></th>",
                Text(&row.name),
                Text(package.name.as_str()),
                Text(&row.capability)
            )
        }
        Column::Made => write!(
            html,
            "<th scope=\"col\" class=\"c\" title=\"made while the image is built, or by the engine\"><div>finalizers</div></th>"
        ),
        Column::Nobody => write!(
            html,
            "<th scope=\"col\" class=\"c missing\" title=\"missing\"><div><b>nobody</b></div></th>"
        ),
    };
}

fn spec(index: &Index<'_>, columns: &[Column], number: usize, html: &mut String) {
    let _ = write!(
        html,
        "<tr class=\"r first\" data-t=\"t{number}-s\"><th scope=\"row\"><button type=\"button\" data-t=\"t{number}-s\"><i class=\"dot\"></i><b>the spec</b></button></th><td class=\"num\"></td>"
    );
    cells(&index.of_spec, columns, &format!("t{number}-s"), None, html);
    html.push_str("<td class=\"why\">where every chain begins</td></tr>");
}

fn cells(
    needs: &[&Need],
    columns: &[Column],
    template: &str,
    own: Option<usize>,
    html: &mut String,
) {
    let mut marks: BTreeMap<Column, (NeedState, usize)> = BTreeMap::new();
    for need in needs {
        if let Some(column) = column_of(need) {
            let mark = marks.entry(column).or_insert((need.state, 0));
            mark.1 += 1;
            // What is missing is worth more than what is met, and that more than the rest.
            let worth = |state: NeedState| match state {
                NeedState::Missing => 0,
                NeedState::Met => 1,
                NeedState::Waived => 2,
                NeedState::Idle => 3,
            };
            if worth(need.state) < worth(mark.0) {
                mark.0 = need.state;
            }
        }
    }
    for column in columns {
        if let (Column::Row(at), Some(own)) = (column, own)
            && *at == own
        {
            html.push_str("<td class=\"own\"></td>");
            continue;
        }
        let Some((state, tokens)) = marks.get(column) else {
            html.push_str("<td></td>");
            continue;
        };
        let weight = match tokens {
            1 => 1,
            2..=4 => 2,
            5..=15 => 3,
            _ => 4,
        };
        let which = match column {
            Column::Row(at) => at.to_string(),
            Column::Made => "m".to_owned(),
            Column::Nobody => "x".to_owned(),
        };
        let _ = write!(
            html,
            "<td class=\"n {} w{weight}\" tabindex=\"-1\" data-t=\"{template}\" data-c=\"{which}\" aria-label=\"{}, {}\">{tokens}</td>",
            need_class(*state),
            count(*tokens, "token", "tokens"),
            state.words(),
        );
    }
}
