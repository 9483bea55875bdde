//! Turns the solver's contradiction into a [`Conflict`] that names packages and relations as their control files do.

use std::collections::{BTreeMap, BTreeSet};

use mikron_package::{PackageId, PackageName, Requirement};
use resolvo::SolvableId;
use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use crate::catalog::Catalog;
use crate::ground::{Demand, demands, ground};
use crate::near;
use crate::provider::{Item, Provider};
use crate::terms::{Ground, View};
use crate::{Conflict, Edge, EdgeKind, Node, Place, RequestNode, Root};

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
    /// The names of which several versions are wanted.
    versions: BTreeSet<PackageName>,
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
                    if let Item::There(id) = provider.item(solvable) {
                        from_package(catalog, provider, id, wanted, to, &mut builder);
                    }
                }
                _ => {}
            },
            ConflictEdge::Conflict(cause) => {
                let (ConflictNode::Solvable(a), ConflictNode::Solvable(b)) = (from, to) else {
                    continue;
                };
                let (Item::There(a), Item::There(b)) = (provider.item(a), provider.item(b)) else {
                    continue;
                };
                match cause {
                    ConflictCause::Constrains(_) => forbids(catalog, a, b, &mut builder),
                    // To resolvo every package is a name of its own.
                    ConflictCause::ForbidMultipleInstances
                    | ConflictCause::Locked(_)
                    | ConflictCause::Excluded => {}
                }
            }
        }
    }
    let names = std::mem::take(&mut builder.versions);
    for name in names {
        versions(catalog, &name, &mut builder);
    }
    finish(catalog, requests, builder)
}

/// Says of each version of a name which other one stands in its way: the best that something else calls for.
fn versions(catalog: &Catalog<'_>, name: &PackageName, builder: &mut Builder) {
    let parents = |id: PackageId| -> BTreeSet<Key> {
        let to =
            |(from, to, _): &(Key, Key, EdgeKind)| (*to == Key::Package(id)).then(|| from.clone());
        builder.edges.iter().filter_map(to).collect()
    };
    let all = catalog.versions(name);
    let wanted: Vec<(PackageId, BTreeSet<Key>)> = all
        .iter()
        .map(|id| (*id, parents(*id)))
        .filter(|(_, parents)| !parents.is_empty())
        .collect();
    let mut edges = Vec::new();
    for (id, own) in &wanted {
        let others = || wanted.iter().filter(|(other, _)| other != id);
        let apart = others().find(|(_, parents)| parents.is_disjoint(own));
        if let Some((other, _)) = apart.or_else(|| others().next()) {
            edges.push((*id, *other));
        }
    }
    for (a, b) in edges {
        builder.edge(Key::Package(a), Key::Package(b), EdgeKind::OneVersion);
    }
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
        let view = View::of(root);
        let asks = Asks {
            catalog,
            provider,
            own: None,
            view: &view,
        };
        if asks.is_behind(&root.requirement, true, wanted)
            && let Some(target) = asks.target(&root.requirement, asks.is_empty(wanted), to, builder)
        {
            let requirement = root.requirement.clone();
            let field = None;
            let kind = EdgeKind::Requires { field, requirement };
            builder.edge(Key::Request(i), target, kind);
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
    let view = catalog.view(id);
    let asks = Asks {
        catalog,
        provider,
        own: Some(id),
        view: &view,
    };
    for demand in demands(&record) {
        if !asks.is_behind(demand.requirement, demand.holds, wanted) {
            continue;
        }
        let (field, requirement) = (demand.kind, demand.requirement.clone());
        if !demand.holds {
            asks.excluded(&demand, wanted, builder);
        }
        // That nothing would lift a ban is no missing package.
        let is_empty = demand.holds && asks.is_empty(wanted);
        if !demand.holds && matches!(to, ConflictNode::UnresolvedDependency) {
            continue;
        }
        if let Some(target) = asks.target(demand.requirement, is_empty, to, builder) {
            let field = Some(field);
            let kind = EdgeKind::Requires { field, requirement };
            builder.edge(Key::Package(id), target, kind);
        }
    }
    if provider.is_support(id, wanted) {
        builder.edge(Key::Package(id), Key::Package(id), EdgeKind::Unasked);
    }
}

/// Whoever asks for something.
struct Asks<'e, 'a> {
    catalog: &'e Catalog<'a>,
    provider: &'e Provider<'a>,
    own: Option<PackageId>,
    view: &'e View,
}

impl Asks<'_, '_> {
    /// Whether a clause of resolvo comes from a requirement.
    fn is_behind(
        &self,
        requirement: &Requirement,
        holds: bool,
        wanted: resolvo::Requirement,
    ) -> bool {
        let grounds = ground(self.catalog, requirement, holds, self.view, &|| {
            Place::Request
        });
        let Ok(grounds) = grounds else { return false };
        match self.provider.origin(wanted) {
            Some(origin) => origin.requirement == *requirement && grounds.contains(&origin.ground),
            None => grounds.iter().any(|ground| {
                !ground.is_idle(self.own)
                    && ground.others(self.own).next().is_none()
                    && self.provider.unconditional(ground) == wanted
            }),
        }
    }

    /// Whether a clause with a condition calls for nothing that there is.
    fn is_empty(&self, wanted: resolvo::Requirement) -> bool {
        let origin = self.provider.origin(wanted);
        origin.is_some_and(|origin| origin.ground.any.is_empty())
    }

    fn target(
        &self,
        requirement: &Requirement,
        is_empty: bool,
        to: ConflictNode<SolvableId>,
        builder: &mut Builder,
    ) -> Option<Key> {
        match to {
            ConflictNode::Solvable(solvable) => match self.provider.item(solvable) {
                Item::There(id) => Some(Key::Package(id)),
                // That the condition does not hold would do; or else what it calls for, if there were any.
                Item::Absent(_) if !is_empty => None,
                Item::Absent(_) => {
                    let unresolved = ConflictNode::UnresolvedDependency;
                    self.target(requirement, false, unresolved, builder)
                }
            },
            ConflictNode::UnresolvedDependency => {
                let text = requirement.to_string();
                let missing = || Node::Missing(near::missing(self.catalog, requirement, self.view));
                builder.missing.entry(text.clone()).or_insert_with(missing);
                Some(Key::Missing(text))
            }
            ConflictNode::Root | ConflictNode::Excluded(_) => None,
        }
    }

    /// Notes what makes a forbidden expression hold.
    fn excluded(&self, demand: &Demand<'_>, wanted: resolvo::Requirement, builder: &mut Builder) {
        let (Some(own), Some(origin)) = (self.own, self.provider.origin(wanted)) else {
            return;
        };
        for other in origin.ground.others(self.own) {
            let kind = EdgeKind::Excludes {
                field: demand.kind,
                requirement: demand.requirement.clone(),
            };
            builder.edge(Key::Package(own), Key::Package(other), kind);
        }
    }
}

fn forbids(catalog: &Catalog<'_>, a: PackageId, b: PackageId, builder: &mut Builder) {
    let (from, to) = (catalog.record(a), catalog.record(b));
    if from.name == to.name {
        builder.versions.insert(from.name.clone());
        return;
    }
    for ban in catalog.rules.bans(&from) {
        if ban.hits(catalog, &from.name, &to) {
            let (field, relation) = (ban.kind, ban.relation);
            let kind = EdgeKind::Forbids { field, relation };
            builder.edge(Key::Package(a), Key::Package(b), kind);
        }
    }
    let view = catalog.view(a);
    for demand in demands(&from).filter(|demand| !demand.holds) {
        let grounds = ground(catalog, demand.requirement, false, &view, &|| {
            Place::Request
        });
        let hits = |g: &Ground| g.any.is_empty() && g.others(Some(a)).eq([b]);
        if grounds.is_ok_and(|grounds| grounds.iter().any(hits)) {
            let (field, requirement) = (demand.kind, demand.requirement.clone());
            let kind = EdgeKind::Excludes { field, requirement };
            builder.edge(Key::Package(a), Key::Package(b), kind);
        }
    }
}

/// Puts nodes and edges in their order: by who asks, by name and version, by requirement.
fn finish(catalog: &Catalog<'_>, requests: &[RequestNode], builder: Builder) -> Conflict {
    let Builder { missing, edges, .. } = builder;
    let mut keys: Vec<Key> = {
        let ends = edges
            .iter()
            .flat_map(|(from, to, _)| [from.clone(), to.clone()]);
        ends.collect::<BTreeSet<_>>().into_iter().collect()
    };
    let sort = |key: &Key| match key {
        Key::Request(i) => (0, requests[*i].asker.to_string(), Vec::new(), String::new()),
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
