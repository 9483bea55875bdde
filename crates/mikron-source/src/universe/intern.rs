//! Gathers symbols while an index is written, and puts them in order at its end.

use std::hash::BuildHasher as _;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};
use mikron_package::LimitExceeded;

use super::bytes::push_number;
use super::symbols::{BLOCK, MENTIONS, Mention};

/// The rank of a record that is left out.
pub(super) const LEFT_OUT: u32 = u32::MAX;

/// Symbols are numbered with so many bits; the others of a word say how a record mentions them.
pub(super) const SYMBOL_BITS: u32 = 28;

/// All symbols so far, numbered as they came.
#[derive(Default)]
pub(super) struct Interner {
    text: Vec<u8>,
    /// Where the text of each symbol ends.
    ends: Vec<u32>,
    /// The hash of each, and its number.
    known: HashTable<(u64, u32)>,
    /// Keyed anew in every process, so that names which collide are hard to make up. Nothing that is written depends on it.
    hasher: DefaultHashBuilder,
    /// By capacity, symbols and the records that mention them.
    mentions: [Vec<(u32, u32)>; MENTIONS],
}

impl Interner {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &str) -> Result<u32, LimitExceeded> {
        let bytes = text.as_bytes();
        let hash = self.hasher.hash_one(bytes);
        let same = |(other, number): &(u64, u32)| {
            *other == hash && &self.text[span(&self.ends, *number)] == bytes
        };
        if let Some((_, number)) = self.known.find(hash, same) {
            return Ok(*number);
        }
        let number = self.ends.len() as u32;
        // The last number of all has a meaning of its own.
        LimitExceeded::check("symbols", number.into(), (1 << SYMBOL_BITS) - 2)?;
        let end = self.text.len() + bytes.len();
        LimitExceeded::check("symbols", end as u64, u32::MAX.into())?;
        self.text.extend_from_slice(bytes);
        self.ends.push(end as u32);
        self.known
            .insert_unique(hash, (hash, number), |(hash, _)| *hash);
        Ok(number)
    }

    /// Notes that a record mentions a symbol.
    pub(super) fn mention(&mut self, mention: Mention, symbol: u32, record: u32) {
        self.mentions[mention as usize].push((symbol, record));
    }

    /// Puts the symbols in order. `rank` tells what number each record has got, if any.
    pub(super) fn finish(self, rank: &[u32]) -> Sorted {
        let Self {
            text,
            ends,
            mut mentions,
            known,
            ..
        } = self;
        drop(known);
        let order = in_order(&text, &ends);
        let mut number = vec![0; order.len()];
        for (place, symbol) in (0..).zip(&order) {
            number[*symbol as usize] = place;
        }
        for rows in &mut mentions {
            for (symbol, record) in &mut *rows {
                *symbol = number[*symbol as usize];
                *record = rank[*record as usize];
            }
            rows.retain(|(_, record)| *record != LEFT_OUT);
            rows.sort_unstable();
            rows.dedup();
        }
        Sorted {
            text,
            ends,
            order,
            number,
            mentions,
        }
    }
}

fn span(ends: &[u32], number: u32) -> Range<usize> {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[number] as usize
}

/// All symbols in the order of their bytes.
pub(super) struct Sorted {
    text: Vec<u8>,
    ends: Vec<u32>,
    order: Vec<u32>,
    /// By the number that a symbol had as it came, the one that it has now.
    pub(super) number: Vec<u32>,
    mentions: [Vec<(u32, u32)>; MENTIONS],
}

impl Sorted {
    /// Appends all blocks, and says where each begins.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) -> Vec<usize> {
        let mut blocks = Vec::with_capacity(self.order.len().div_ceil(BLOCK));
        let mut left = self.mentions.each_ref().map(Vec::as_slice);
        let mut before: &[u8] = b"";
        for (number, symbol) in (0..).zip(&self.order) {
            if (number as usize).is_multiple_of(BLOCK) {
                blocks.push(bytes.len());
                before = b"";
            }
            let text = &self.text[span(&self.ends, *symbol)];
            let shared = before.iter().zip(text).take_while(|(a, b)| a == b).count();
            push_number(bytes, shared as u64);
            push_number(bytes, (text.len() - shared) as u64);
            bytes.extend_from_slice(&text[shared..]);
            before = text;
            let lists = left.each_mut().map(|rows| {
                let own = rows.iter().take_while(|(symbol, _)| *symbol == number);
                let (list, rest) = rows.split_at(own.count());
                *rows = rest;
                list
            });
            let [provides, others @ ..] = lists.map(|list| list.len() as u64);
            let more = others != [0; MENTIONS - 1];
            push_number(bytes, provides << 1 | u64::from(more));
            if more {
                for count in others {
                    push_number(bytes, count);
                }
            }
            for list in lists {
                let mut last = 0;
                for (_, record) in list {
                    push_number(bytes, u64::from(record - last));
                    last = *record;
                }
            }
        }
        blocks
    }

    /// How many symbols there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
}

/// The numbers of all texts, in the order of their bytes: eight bytes at a time, as one number each.
fn in_order(text: &[u8], ends: &[u32]) -> Vec<u32> {
    let of = |number: u32| &text[span(ends, number)];
    let key = |number: u32, depth: usize| {
        let mut eight = [0; 8];
        let rest = of(number).get(depth..).unwrap_or_default();
        let length = rest.len().min(8);
        eight[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(eight)
    };
    let mut rows: Vec<(u64, u32)> = (0..ends.len() as u32).map(|n| (0, n)).collect();
    // Ranges whose texts are equal up to a depth.
    let mut open = vec![(0..rows.len(), 0)];
    while let Some((range, depth)) = open.pop() {
        let start = range.start;
        let rows = &mut rows[range];
        // What has come to its end may be told from what goes on with zeros by its length alone.
        if rows.len() <= 4 || rows.iter().any(|(_, n)| of(*n).len() < depth) {
            rows.sort_unstable_by(|(_, a), (_, b)| of(*a).cmp(of(*b)));
            continue;
        }
        for row in &mut *rows {
            row.0 = key(row.1, depth);
        }
        rows.sort_unstable();
        let mut at = start;
        for equal in rows.chunk_by(|a, b| a.0 == b.0) {
            if equal.len() > 1 {
                open.push((at..at + equal.len(), depth + 8));
            }
            at += equal.len();
        }
    }
    rows.into_iter().map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::{Interner, in_order};

    #[test]
    fn texts_are_put_in_the_order_of_their_bytes() {
        let mut interner = Interner::default();
        let mut texts: Vec<String> = Vec::new();
        for number in 0..500_u32 {
            let number = number.wrapping_mul(2_654_435_761) >> 16;
            texts.push(format!("lib{}-{number}.so.1()(64bit)", number % 7));
            texts.push(format!("/usr/share/a/common/beginning/{}", number % 300));
            texts.push("/usr/share/".repeat(number as usize % 9) + "x");
        }
        for end in [
            "",
            "\0",
            "\0\0",
            "a",
            "a\0",
            "a\0\0\0\0\0\0\0",
            "a\0\0\0\0\0\0\0\0",
            "é",
        ] {
            texts.push(end.to_owned());
        }
        for text in &texts {
            interner.number(text).unwrap();
        }
        texts.sort();
        texts.dedup();
        let order = in_order(&interner.text, &interner.ends);
        let found: Vec<_> = order
            .iter()
            .map(|n| &interner.text[super::span(&interner.ends, *n)])
            .collect();
        let expected: Vec<_> = texts.iter().map(String::as_bytes).collect();
        assert_eq!(found, expected);
    }
}
