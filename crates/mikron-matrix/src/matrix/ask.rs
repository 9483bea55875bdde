//! What a matrix knows of one token.

use mikron_facts::FileFacts;
use mikron_package::{RootPath, merged_usr as merged};
use mikron_select::{PackageInput, Reason, Selection, Token, capability_of};
use serde::{Deserialize, Serialize};

use super::{Clash, Matrix, NeedState, Provider};
use crate::Strength;
use crate::tokens::provided;

/// Who requires a token, who provides it, and what of that is in the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// The token.
    pub token: Token,
    /// Who provides it, those in the image first.
    pub providers: Vec<TokenProvider>,
    /// Who requires it, those in the image first.
    pub required_by: Vec<TokenUser>,
    /// Where several packages provide it: who wins, and by which order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clash: Option<Clash>,
}

/// Who provides a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenProvider {
    /// The capability, or whoever makes it.
    pub name: String,
    /// The file, where it is known.
    pub path: Option<RootPath>,
    /// Whether it is in the image.
    pub chosen: bool,
    /// Why it is in the image, or why not.
    pub why: String,
    /// The chain from the spec to the capability: its links with what brought each in.
    pub chain: Vec<(String, String)>,
}

/// Who requires a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUser {
    /// The capability; `spec` for the spec.
    pub name: String,
    /// One of its files that require it.
    pub file: Option<RootPath>,
    /// Number of such files.
    pub files: usize,
    /// How much it is required.
    pub strength: Strength,
    /// Whether it is provided.
    pub state: NeedState,
    /// Why it is missing, or why it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl TokenAnswer {
    /// Whether nobody provides and nobody requires it.
    pub fn is_unknown(&self) -> bool {
        self.providers.is_empty() && self.required_by.is_empty()
    }
}

/// Explains a token: who requires it, who provides it, what is chosen, and why.
///
/// A soname alone stands for its symbol versions, too; a path is looked up among all entries.
pub fn explain_token(
    matrix: &Matrix,
    selection: &Selection,
    packages: &[PackageInput],
    token: &Token,
) -> TokenAnswer {
    let ask = Ask {
        matrix,
        selection,
        packages,
        token,
    };
    let mut providers = Vec::new();
    let mut add = |provider: TokenProvider| {
        if !providers
            .iter()
            .any(|p: &TokenProvider| p.name == provider.name && p.path == provider.path)
        {
            providers.push(provider);
        }
    };
    let mut required_by = Vec::new();
    for need in matrix
        .needs
        .iter()
        .filter(|need| answers(token, &need.token))
    {
        required_by.push(TokenUser {
            name: need.by.map_or("spec".to_owned(), |row| {
                matrix.capabilities[row].name.clone()
            }),
            file: need.file.clone(),
            files: need.files,
            strength: need.strength,
            state: need.state,
            cause: need.cause.clone(),
        });
        match &need.provider {
            Some(Provider::Capability { row, path }) => {
                add(ask.provider(*row, Some(path.clone())));
            }
            Some(Provider::Made { by }) => add(made(by)),
            Some(Provider::Platform) => add(made("the machine that the image runs on")),
            None => {}
        }
    }
    for (row, capability) in matrix.capabilities.iter().enumerate() {
        let is_it = |provided: &Token| answers(token, provided);
        let seen = needed_of(matrix, token, row);
        if !seen && capability.provides.iter().any(is_it) {
            add(ask.provider(row, None));
        }
    }
    for package in &matrix.packages {
        if package
            .provides
            .iter()
            .any(|provided| answers(token, provided))
        {
            add(TokenProvider {
                name: package.name.to_string(),
                path: None,
                chosen: package.state.is_in(),
                why: package.why.clone(),
                chain: Vec::new(),
            });
        }
        let Token::Package(name, _) = token else {
            continue;
        };
        for dependency in &package.depends {
            if matrix.packages[dependency.package].name.as_str() == name {
                required_by.push(TokenUser {
                    name: package.name.to_string(),
                    file: None,
                    files: 0,
                    strength: Strength::Required,
                    state: if package.state.is_in() {
                        NeedState::Met
                    } else {
                        NeedState::Idle
                    },
                    cause: Some(format!("depends on {}", dependency.relation)),
                });
            }
        }
    }
    if let Token::Path(path) = token {
        let wanted = merged(path.strip_prefix('/').unwrap_or(path).as_bytes()).into_owned();
        for input in packages {
            for facts in &input.facts.files {
                if merged(facts.entry.path.as_bytes()) != wanted.as_slice()
                    || facts.entry.is_directory()
                {
                    continue;
                }
                let name = format!("{}:{}", input.name, capability_of(facts));
                if let Some(row) = matrix.row(&name) {
                    add(ask.provider(row, Some(facts.entry.path.clone())));
                }
            }
        }
    }
    providers.sort_by(|a, b| (!a.chosen, &a.name, &a.path).cmp(&(!b.chosen, &b.name, &b.path)));
    required_by.sort_by(|a, b| (a.state, &a.name).cmp(&(b.state, &b.name)));
    TokenAnswer {
        clash: matrix.clashes.iter().find(|c| c.token == *token).cloned(),
        token: token.clone(),
        providers,
        required_by,
    }
}

/// Whether what is asked for is this token: exactly, or as a package of any version.
fn answers(asked: &Token, token: &Token) -> bool {
    match (asked, token) {
        (Token::Package(a, None), Token::Package(b, _)) => a == b,
        (Token::Path(a), Token::Path(b)) => {
            let normal = |p: &str| merged(p.strip_prefix('/').unwrap_or(p).as_bytes()).into_owned();
            normal(a) == normal(b)
        }
        _ => asked == token,
    }
}

fn needed_of(matrix: &Matrix, token: &Token, row: usize) -> bool {
    let mut needs = matrix.needs.iter();
    needs.any(|need| {
        answers(token, &need.token) && need.provider.as_ref().and_then(Provider::row) == Some(row)
    })
}

fn made(by: &str) -> TokenProvider {
    TokenProvider {
        name: by.to_owned(),
        path: None,
        chosen: true,
        why: "made for every image that needs it".to_owned(),
        chain: Vec::new(),
    }
}

/// What is asked, and of what.
struct Ask<'a> {
    matrix: &'a Matrix,
    selection: &'a Selection,
    packages: &'a [PackageInput],
    token: &'a Token,
}

impl Ask<'_> {
    /// A capability that provides the token, by the file at `path` where that is known.
    fn provider(&self, row: usize, path: Option<RootPath>) -> TokenProvider {
        let capability = &self.matrix.capabilities[row];
        let path = path.or_else(|| self.file(row));
        let reason = path.as_ref().and_then(|path| self.reason(path));
        let chosen = match &path {
            Some(_) => reason.is_some(),
            // Users and groups are declared by no file of the facts.
            None => capability.state.is_in(),
        };
        let why = match reason {
            Some(reason) => super::build::words(self.packages, reason),
            None if capability.state.is_in() && !chosen => {
                "nothing in the image needs it".to_owned()
            }
            None => capability.why.clone(),
        };
        let chain = if chosen { self.chain(row) } else { Vec::new() };
        TokenProvider {
            name: capability.name.clone(),
            path,
            chosen,
            why,
            chain,
        }
    }

    fn reason(&self, path: &RootPath) -> Option<&Reason> {
        let mut files = self.selection.files.iter();
        files
            .find(|file| file.path == *path)
            .map(|file| &*file.reason)
    }

    /// The file of a capability that provides the token, one in the image before others.
    fn file(&self, row: usize) -> Option<RootPath> {
        let capability = &self.matrix.capabilities[row];
        let package = &self.matrix.packages[capability.package];
        let input = self
            .packages
            .iter()
            .find(|input| input.name == package.name && input.version == package.version)?;
        let mut tokens = Vec::new();
        let mut provides = |facts: &&FileFacts| {
            tokens.clear();
            provided(facts, &mut tokens);
            tokens.iter().any(|provided| answers(self.token, provided))
        };
        let own = |facts: &&FileFacts| capability_of(facts) == capability.capability;
        let files = input.facts.files.iter().filter(own);
        let paths = files
            .filter(|facts| provides(facts))
            .map(|facts| &facts.entry.path);
        paths
            .min_by_key(|path| (self.reason(path).is_none(), *path))
            .cloned()
    }

    /// The chain of a capability; its last link by the token that was asked for, where it is one of those that lead here.
    fn chain(&self, row: usize) -> Vec<(String, String)> {
        let chain = &self.matrix.capabilities[row].chain;
        let before = chain.len().checked_sub(2).map(|at| chain[at].capability);
        let by_it = self.matrix.needs.iter().any(|need| {
            let to = need.provider.as_ref().and_then(Provider::row);
            need.by == before && to == Some(row) && answers(self.token, &need.token)
        });
        let link = |(at, link): (usize, &super::Link)| {
            let name = self.matrix.capabilities[link.capability].name.clone();
            let last = at + 1 == chain.len() && by_it && before.is_some();
            let by = if last {
                self.token.to_string()
            } else {
                link.by.clone()
            };
            (name, by)
        };
        chain.iter().enumerate().map(link).collect()
    }
}
