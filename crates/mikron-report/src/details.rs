//! What the panel shows of a capability: templates that the page's script copies from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mikron_matrix::{CapabilityRow, Matrix, Need, NeedState, Origin, Provider, Standing, Strength};
use mikron_select::Token;

use crate::escape::{Text, count, size};

/// How many tokens of one list are written out before it says how many more there are.
const SHOWN: usize = 150;

/// The needs of a matrix by who requires and by who provides.
pub(crate) struct Index<'m> {
    of: Vec<Vec<&'m Need>>,
    on: Vec<Vec<&'m Need>>,
    pub(crate) of_spec: Vec<&'m Need>,
}

impl<'m> Index<'m> {
    pub(crate) fn new(matrix: &'m Matrix) -> Self {
        let mut index = Self {
            of: vec![Vec::new(); matrix.capabilities.len()],
            on: vec![Vec::new(); matrix.capabilities.len()],
            of_spec: Vec::new(),
        };
        for need in &matrix.needs {
            match need.by {
                Some(row) => index.of[row].push(need),
                None => index.of_spec.push(need),
            }
            if let Some(row) = need.provider.as_ref().and_then(Provider::row)
                && need.by != Some(row)
            {
                index.on[row].push(need);
            }
        }
        index
    }

    /// What a capability requires; `None` stands for the spec.
    pub(crate) fn of(&self, row: Option<usize>) -> &[&'m Need] {
        match row {
            Some(row) => &self.of[row],
            None => &self.of_spec,
        }
    }

    /// What is required of a capability.
    pub(crate) fn on(&self, row: usize) -> &[&'m Need] {
        &self.on[row]
    }
}

/// The templates of all capabilities, and of the spec.
pub(crate) fn templates(matrix: &Matrix, index: &Index<'_>, number: usize, html: &mut String) {
    let _ = write!(
        html,
        "<template id=\"t{number}-s\"><h3>The spec</h3><p>What it names is where every chain begins.</p>"
    );
    requires(matrix, index.of(None), html);
    html.push_str("</template>");
    for (at, row) in matrix.capabilities.iter().enumerate() {
        let _ = write!(html, "<template id=\"t{number}-{at}\">");
        head(matrix, row, html);
        requires(matrix, index.of(Some(at)), html);
        required_by(matrix, index.on(at), html);
        tokens("Provides", &row.provides, html);
        html.push_str("</template>");
    }
}

fn head(matrix: &Matrix, row: &CapabilityRow, html: &mut String) {
    let package = &matrix.packages[row.package];
    let standing = match package.standing {
        Standing::Root => "named by the spec",
        Standing::Dependency => "dependency",
        Standing::Provider => "essential package, for what names its files",
        Standing::Spec => "files of the spec",
    };
    let origin = match row.origin {
        Origin::Automatic => "",
        Origin::Definition => ", by definition",
    };
    let _ = write!(
        html,
        "<h3>{}</h3><p class=\"sub\">{} {} · {} · {standing}{origin}</p>",
        Text(&row.name),
        Text(package.name.as_str()),
        Text(package.version.as_str()),
        Text(&package.arch),
    );
    let _ = write!(
        html,
        "<p><span class=\"state s-{}\">{}</span> {}</p>",
        state_class(row.state),
        row.state.words(),
        Text(&row.why)
    );
    let left = if row.files_left > 0 {
        format!(
            "; {} with {} left out",
            count(row.files_left, "file", "files"),
            size(row.bytes_left)
        )
    } else {
        String::new()
    };
    let _ = write!(
        html,
        "<p>{} with {} in the image{left}</p>",
        count(row.files, "file", "files"),
        size(row.bytes)
    );
    if !row.chain.is_empty() {
        html.push_str("<h4>Shortest chain</h4>");
        chain(matrix, row, html);
    }
}

/// The chain of a capability as a list.
pub(crate) fn chain(matrix: &Matrix, row: &CapabilityRow, html: &mut String) {
    html.push_str("<ol class=\"chain\"><li>the spec</li>");
    for link in &row.chain {
        let _ = write!(
            html,
            "<li><b>{}</b> <span class=\"by\">{}</span></li>",
            Text(&matrix.capabilities[link.capability].name),
            Text(&link.by)
        );
    }
    html.push_str("</ol>");
}

pub(crate) const fn state_class(state: mikron_matrix::State) -> &'static str {
    use mikron_matrix::State;
    match state {
        State::Chosen => "all",
        State::Partly => "some",
        State::LeftOut => "none",
        State::Read => "read",
    }
}

/// What is required, by who provides it.
fn requires(matrix: &Matrix, needs: &[&Need], html: &mut String) {
    if needs.is_empty() {
        return;
    }
    let mut by_provider: BTreeMap<(usize, String), Vec<&Need>> = BTreeMap::new();
    for need in needs {
        let key = match &need.provider {
            Some(Provider::Capability { row, .. }) => {
                (*row, matrix.capabilities[*row].name.clone())
            }
            Some(Provider::Made { by }) => (usize::MAX - 2, by.clone()),
            Some(Provider::Platform) => (usize::MAX - 1, "the machine".to_owned()),
            None => (usize::MAX, "nobody".to_owned()),
        };
        by_provider.entry(key).or_default().push(need);
    }
    let _ = write!(
        html,
        "<h4>Requires {}</h4>",
        count(needs.len(), "token", "tokens")
    );
    for ((at, name), needs) in by_provider {
        let column = match at {
            usize::MAX => "x".to_owned(),
            at if at >= usize::MAX - 2 => "m".to_owned(),
            at => at.to_string(),
        };
        let _ = write!(
            html,
            "<section data-c=\"{column}\"><h5>{}</h5><ul>",
            Text(&name)
        );
        need_lines(&needs, html);
        html.push_str("</ul></section>");
    }
}

/// Needs as lines; the symbol versions of one library share one.
fn need_lines(needs: &[&Need], html: &mut String) {
    let mut versions: BTreeMap<(&str, NeedState), Vec<&str>> = BTreeMap::new();
    for need in needs {
        if let Token::SymbolVersion(library, version) = &need.token {
            let of_library = versions.entry((library, need.state)).or_default();
            of_library.push(version);
        }
    }
    for need in needs.iter().take(SHOWN) {
        if matches!(need.token, Token::SymbolVersion(..)) {
            continue;
        }
        let _ = write!(
            html,
            "<li class=\"{}\"><code>{}</code>{}",
            need_class(need.state),
            Text(&need.token.to_string()),
            weak(need.strength)
        );
        if let Some(file) = &need.file {
            let others = match need.files {
                0 | 1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            let _ = write!(
                html,
                " <span class=\"by\">by {}{others}</span>",
                Text(&file.to_string())
            );
        }
        if need.state != NeedState::Met {
            let _ = write!(html, " <span class=\"by\">{}", need.state.words());
            if let Some(cause) = &need.cause {
                let _ = write!(html, ": {}", Text(cause));
            }
            html.push_str("</span>");
        }
        html.push_str("</li>");
    }
    for ((library, state), versions) in versions {
        let _ = write!(
            html,
            "<li class=\"{}\"><code>soname({}, …)</code> <span class=\"by\">{}</span></li>",
            need_class(state),
            Text(library),
            Text(&versions.join(", "))
        );
    }
    if needs.len() > SHOWN {
        let _ = write!(
            html,
            "<li class=\"by\">and {} more</li>",
            needs.len() - SHOWN
        );
    }
}

pub(crate) const fn need_class(state: NeedState) -> &'static str {
    match state {
        NeedState::Met => "met",
        NeedState::Waived => "waived",
        NeedState::Idle => "idle",
        NeedState::Missing => "missing",
    }
}

const fn weak(strength: Strength) -> &'static str {
    match strength {
        Strength::Required => "",
        Strength::Recommended => " <span class=\"by\">recommended</span>",
        Strength::Optional => " <span class=\"by\">optional</span>",
    }
}

fn required_by(matrix: &Matrix, needs: &[&Need], html: &mut String) {
    if needs.is_empty() {
        return;
    }
    let mut by: BTreeMap<Option<usize>, (usize, bool)> = BTreeMap::new();
    for need in needs {
        let of_row = by.entry(need.by).or_default();
        of_row.0 += 1;
        of_row.1 |= need.state == NeedState::Met;
    }
    html.push_str("<h4>Required by</h4><ul>");
    for (row, (tokens, met)) in by.iter().take(SHOWN) {
        let name = row.map_or("the spec", |row| matrix.capabilities[row].name.as_str());
        let _ = write!(
            html,
            "<li class=\"{}\">{} <span class=\"by\">{}</span></li>",
            if *met { "met" } else { "idle" },
            Text(name),
            count(*tokens, "token", "tokens")
        );
    }
    if by.len() > SHOWN {
        let _ = write!(html, "<li class=\"by\">and {} more</li>", by.len() - SHOWN);
    }
    html.push_str("</ul>");
}

fn tokens(title: &str, tokens: &[Token], html: &mut String) {
    if tokens.is_empty() {
        return;
    }
    let _ = write!(
        html,
        "<h4>{title} {}</h4><ul class=\"tokens\">",
        count(tokens.len(), "token", "tokens")
    );
    for token in tokens.iter().take(SHOWN) {
        let _ = write!(html, "<li><code>{}</code></li>", Text(&token.to_string()));
    }
    if tokens.len() > SHOWN {
        let _ = write!(
            html,
            "<li class=\"by\">and {} more</li>",
            tokens.len() - SHOWN
        );
    }
    html.push_str("</ul>");
}
