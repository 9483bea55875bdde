//! Turns the solver's contradiction into a [`Conflict`] that names packages and relations as their control files do.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{PackageId, PackageRecord, Requirement};
use resolvo::SolvableId;
use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use crate::backend::{place_of, view_of};
use crate::catalog::Catalog;
use crate::provider::Provider;
use crate::{Conflict, Edge, EdgeKind, Node, RelationKind, RequestNode, Root, SolveError};

/// A node before it has its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Request(usize),
    Package(PackageId),
    Missing(String),
}

#[derive(Default)]
struct Builder {
    missing: BTreeMap<String, Node>,
    edges: Vec<(Key, Key, EdgeKind)>,
}

impl Builder {
    fn edge(&mut self, from: Key, to: Key, kind: EdgeKind) {
        let edge = (from, to, kind);
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }
}

/// The conflict behind resolvo's graph.
pub(crate) fn conflict(
    catalog: &Catalog<'_>,
    provider: &Provider<'_>,
    graph: &ConflictGraph<SolvableId>,
    roots: &[&Root],
    requests: &[RequestNode],
) -> Conflict {
    let mut builder = Builder::default();
    for index in graph.graph.edge_indices() {
        let Some((from, to)) = graph.graph.edge_endpoints(index) else {
            continue;
        };
        let (from, to) = (graph.graph[from], graph.graph[to]);
        match graph.graph[index] {
            ConflictEdge::Requires(wanted) => match from {
                ConflictNode::Root => {
                    from_root(catalog, provider, roots, wanted, to, &mut builder);
                }
                ConflictNode::Solvable(solvable) => {
                    let id = provider.package(solvable);
                    from_package(catalog, provider, id, wanted, to, &mut builder);
                }
                _ => {}
            },
            ConflictEdge::Conflict(cause) => {
                let (ConflictNode::Solvable(a), ConflictNode::Solvable(b)) = (from, to) else {
                    continue;
                };
                let (a, b) = (provider.package(a), provider.package(b));
                match cause {
                    ConflictCause::Constrains(_) => forbids(catalog, a, b, &mut builder),
                    ConflictCause::ForbidMultipleInstances => {
                        builder.edge(Key::Package(a), Key::Package(b), EdgeKind::OneVersion);
                    }
                    ConflictCause::Locked(_) | ConflictCause::Excluded => {}
                }
            }
        }
    }
    finish(catalog, requests, builder)
}

fn from_root(
    catalog: &Catalog<'_>,
    provider: &Provider<'_>,
    roots: &[&Root],
    wanted: resolvo::Requirement,
    to: ConflictNode<SolvableId>,
    builder: &mut Builder,
) {
    for (i, root) in roots.iter().enumerate() {
        let view = view_of(root);
        let clauses = provider.requirement(&root.requirement, &view, &|| place_of(root));
        if !clauses.is_ok_and(|clauses| clauses.iter().any(|c| c.requirement == wanted)) {
            continue;
        }
        let target = target(catalog, provider, &root.requirement, &view, to, builder);
        let requirement = root.requirement.clone();
        if let Some(target) = target {
            builder.edge(
                Key::Request(i),
                target,
                EdgeKind::Requires {
                    field: None,
                    requirement,
                },
            );
        }
    }
}

fn from_package(
    catalog: &Catalog<'_>,
    provider: &Provider<'_>,
    id: PackageId,
    wanted: resolvo::Requirement,
    to: ConflictNode<SolvableId>,
    builder: &mut Builder,
) {
    let record = catalog.record(id);
    let view = catalog.view(&record);
    let place = || SolveError::place(record.name.as_str(), &record.version);
    for requirement in record.requirements() {
        let clauses = provider.requirement(requirement, &view, &place);
        if !clauses.is_ok_and(|clauses| clauses.iter().any(|c| c.requirement == wanted)) {
            continue;
        }
        let field = Some(field_of(&record, requirement));
        let target = target(catalog, provider, requirement, &view, to, builder);
        let requirement = requirement.clone();
        if let Some(target) = target {
            builder.edge(
                Key::Package(id),
                target,
                EdgeKind::Requires { field, requirement },
            );
        }
    }
}

fn field_of(record: &PackageRecord, requirement: &Requirement) -> RelationKind {
    if record.pre_depends.contains(requirement) {
        RelationKind::PreDepends
    } else {
        RelationKind::Depends
    }
}

fn target(
    catalog: &Catalog<'_>,
    provider: &Provider<'_>,
    requirement: &Requirement,
    view: &crate::catalog::View,
    to: ConflictNode<SolvableId>,
    builder: &mut Builder,
) -> Option<Key> {
    match to {
        ConflictNode::Solvable(solvable) => Some(Key::Package(provider.package(solvable))),
        ConflictNode::UnresolvedDependency => {
            let text = requirement.to_string();
            let missing = || Node::Missing(catalog.missing(requirement, view));
            builder.missing.entry(text.clone()).or_insert_with(missing);
            Some(Key::Missing(text))
        }
        ConflictNode::Root | ConflictNode::Excluded(_) => None,
    }
}

fn forbids(catalog: &Catalog<'_>, a: PackageId, b: PackageId, builder: &mut Builder) {
    let (from, to) = (catalog.record(a), catalog.record(b));
    let fields = [
        (RelationKind::Conflicts, &from.conflicts),
        (RelationKind::Breaks, &from.breaks),
    ];
    for (field, relations) in fields {
        for relation in relations.iter().filter(|r| catalog.is_forbidden(r, &to)) {
            let kind = EdgeKind::Forbids {
                field,
                relation: relation.clone(),
            };
            builder.edge(Key::Package(a), Key::Package(b), kind);
        }
    }
}

/// Puts nodes and edges in their order: by label, by name and version, by requirement.
fn finish(catalog: &Catalog<'_>, requests: &[RequestNode], builder: Builder) -> Conflict {
    let Builder { missing, edges } = builder;
    let mut keys: Vec<Key> = {
        let ends = edges
            .iter()
            .flat_map(|(from, to, _)| [from.clone(), to.clone()]);
        ends.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let sort = |key: &Key| match key {
        Key::Request(i) => (0, requests[*i].label.clone(), Vec::new(), String::new()),
        Key::Package(id) => {
            let record = catalog.record(*id);
            let versions = catalog.versions(&record.name);
            let place = versions.iter().position(|v| v == id).unwrap_or(usize::MAX);
            (
                1,
                record.name.to_string(),
                vec![place],
                record.version.to_string(),
            )
        }
        Key::Missing(text) => (2, text.clone(), Vec::new(), String::new()),
    };
    keys.sort_by_cached_key(sort);
    let place: BTreeMap<&Key, usize> = keys.iter().enumerate().map(|(i, k)| (k, i)).collect();
    let node = |key: &Key| match key {
        Key::Request(i) => Node::Request(requests[*i].clone()),
        Key::Package(id) => {
            let record = catalog.record(*id);
            Node::Package {
                name: record.name.clone(),
                version: record.version.clone(),
                source: catalog.source(*id).to_owned(),
            }
        }
        Key::Missing(text) => missing[text].clone(),
    };
    let mut edges: Vec<Edge> = edges
        .iter()
        .map(|(from, to, kind)| Edge {
            from: place[from],
            to: place[to],
            kind: kind.clone(),
        })
        .collect();
    edges.sort_by_cached_key(|edge| (edge.from, edge.to, format!("{:?}", edge.kind)));
    Conflict {
        nodes: keys.iter().map(node).collect(),
        edges,
    }
}
