//! Why there is no solution, as data.

use mikron_package::{PackageName, Relation, Requirement, Version};
use serde::{Deserialize, Serialize};

use crate::{Asker, RelationKind};

/// Why no set of packages satisfies a request: a graph that leads from what the spec asks for to what is missing or
/// clashes. Only what takes part in the contradiction is in it.
///
/// Nodes and edges are in a stable order. [`Conflict::render`] says it in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// The nodes; edges name them by their place here. Requests first, then packages, then what is missing.
    pub nodes: Vec<Node>,
    /// The edges, in order of `from`, then `to`.
    pub edges: Vec<Edge>,
}

impl Conflict {
    /// The edges that begin at a node.
    pub fn from(&self, node: usize) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.from == node)
    }

    /// The places of the requests among the nodes.
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        let request = |(i, node): (usize, &Node)| matches!(node, Node::Request(_)).then_some(i);
        self.nodes.iter().enumerate().filter_map(request)
    }

    /// Everything that is missing.
    pub fn missing(&self) -> impl Iterator<Item = &Missing> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Missing(missing) => Some(missing),
            _ => None,
        })
    }
}

/// A node of a [`Conflict`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "node")]
pub enum Node {
    /// Something that the spec asks for.
    Request(RequestNode),
    /// A package that could be taken.
    Package {
        /// Its name.
        name: PackageName,
        /// Its version.
        version: Version,
        /// The source that it comes from.
        source: String,
    },
    /// A requirement that nothing satisfies.
    Missing(Missing),
}

/// Something that the spec asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RequestNode {
    /// Who asks.
    pub asker: Asker,
    /// What stands there.
    pub requirement: Requirement,
    /// The source that it must come from.
    pub source: Option<String>,
}

/// An edge of a [`Conflict`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edge {
    /// Where it begins: an index into [`Conflict::nodes`].
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it says.
    pub kind: EdgeKind,
}

/// What an edge says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "edge")]
pub enum EdgeKind {
    /// `from` requires what `to` would satisfy, or what `to` says is missing.
    Requires {
        /// In which field; `None` where `from` is a request.
        field: Option<RelationKind>,
        /// The requirement.
        requirement: Requirement,
    },
    /// `from` forbids `to`.
    Forbids {
        /// In which field.
        field: RelationKind,
        /// The relation.
        relation: Relation,
    },
    /// `from` forbids an expression, and `to` has a part in that it holds: rpm's rich `Conflicts`.
    Excludes {
        /// In which field.
        field: RelationKind,
        /// The expression.
        requirement: Requirement,
    },
    /// `from` and `to` are versions of one package, of which one only can be there.
    OneVersion,
    /// `from`, which is `to` as well, provides a name without a version and without a priority (apk), so that something must
    /// ask for it by its own name; nothing that could be there does.
    Unasked,
}

/// A requirement that nothing satisfies, with what comes near.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Missing {
    /// The requirement.
    pub requirement: Requirement,
    /// Packages that have the name and do not satisfy it all the same, best first, twenty at most.
    pub known: Vec<Known>,
    /// Names that resemble it, best first.
    pub similar: Vec<PackageName>,
}

/// A package of the right name that will not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Known {
    /// Its name: the wanted one, or that of a package that provides it.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Its architecture.
    pub arch: String,
    /// The source that it comes from.
    pub source: String,
    /// Why it will not do.
    pub problem: Problem,
}

/// Why a package of the right name will not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// Its version is not among those asked for.
    Version,
    /// It provides the name without a version, which satisfies no versioned relation (deb-control(5), "Provides").
    UnversionedProvides,
    /// Its architecture does not match, or `:any` was asked for and it is not `Multi-Arch: allowed`.
    Architecture,
    /// It comes from another source than the one asked for.
    Source,
    /// Its pin priority is negative (apt_preferences(5)).
    Priority {
        /// The priority.
        priority: i32,
    },
    /// Its record in the index cannot be used, and was left out.
    Odd {
        /// What is wrong with it.
        reason: String,
    },
    /// The image that is built upon has another version.
    Installed {
        /// The version that it has.
        to: Version,
    },
    /// The request is locked to another version.
    Locked {
        /// That version.
        to: Version,
    },
}

/// Something that the spec asks for and no source offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MissingRoot {
    /// Where in the spec, and what.
    pub request: RequestNode,
    /// What comes near.
    pub missing: Missing,
}
