//! The order of slices: what is needed before what needs it.

use std::collections::HashMap;

use crate::SliceKey;

/// Orders `keys` and all that they need, transitively: essentials first, otherwise by name.
///
/// The order is that of chisel: a walk in depth over the names in order, each slice after those that it needs.
///
/// # Errors
/// The slices of a loop, in its order.
pub(crate) fn order(
    keys: &[SliceKey],
    essentials: impl Fn(&SliceKey) -> Vec<SliceKey>,
) -> Result<Vec<SliceKey>, Vec<SliceKey>> {
    // Everything that is reached has to be known first: chisel walks over the names of all of them.
    let mut needed: HashMap<SliceKey, Vec<SliceKey>> = HashMap::new();
    let mut pending: Vec<SliceKey> = keys.to_vec();
    while let Some(key) = pending.pop() {
        if needed.contains_key(&key) {
            continue;
        }
        let mut of_key = essentials(&key);
        of_key.sort_by_cached_key(ToString::to_string);
        pending.extend(of_key.iter().cloned());
        needed.insert(key, of_key);
    }
    let mut names: Vec<SliceKey> = needed.keys().cloned().collect();
    names.sort_by_cached_key(ToString::to_string);

    let mut done: HashMap<&SliceKey, bool> = HashMap::with_capacity(names.len());
    let mut ordered = Vec::with_capacity(names.len());
    for start in &names {
        // The way down, with the place in each one's essentials. No recursion: chains can be as long as a release is large.
        let mut way: Vec<(&SliceKey, usize)> = Vec::new();
        if !done.contains_key(start) {
            way.push((start, 0));
            done.insert(start, false);
        }
        while let Some((key, place)) = way.last_mut() {
            let Some(next) = needed.get(*key).and_then(|of_key| of_key.get(*place)) else {
                done.insert(key, true);
                ordered.push((*key).clone());
                way.pop();
                continue;
            };
            *place += 1;
            match done.get(next) {
                Some(true) => {}
                Some(false) => {
                    let from = way.iter().position(|(key, _)| *key == next).unwrap_or(0);
                    return Err(way[from..].iter().map(|(key, _)| (*key).clone()).collect());
                }
                None => {
                    done.insert(next, false);
                    way.push((next, 0));
                }
            }
        }
    }
    Ok(ordered)
}
