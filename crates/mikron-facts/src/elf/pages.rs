//! A small cache of pages over something that can be read at positions.

use std::io;

use super::{ReadAt, broken};

const PAGE: usize = 8 * 1024;
const SLOTS: usize = 32;

/// A direct-mapped cache of 32 pages of 8 KiB: at most 256 KiB, whatever the size of the file.
pub(super) struct Pages<'a> {
    file: &'a dyn ReadAt,
    slots: Vec<Option<(u64, Box<[u8]>)>>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(file: &'a dyn ReadAt) -> Self {
        Self {
            file,
            slots: vec![None; SLOTS],
        }
    }

    /// Fills `out` from `offset` on; a broken structure where the file ends before.
    pub(super) fn read(&mut self, mut offset: u64, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            let start = (offset % PAGE as u64) as usize;
            let page = self.page(offset / PAGE as u64)?;
            let have = page.get(start..).unwrap_or(&[]);
            let n = have.len().min(out.len());
            if n == 0 {
                return Err(broken("a table beyond the end of the file"));
            }
            out[..n].copy_from_slice(&have[..n]);
            out = &mut out[n..];
            offset = offset.saturating_add(n as u64);
        }
        Ok(())
    }

    /// The length of the file.
    pub(super) fn len(&self) -> u64 {
        self.file.len()
    }

    /// Fills `out` from `offset` on without keeping a page: for what is read once, from front to back.
    pub(super) fn read_past(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        fill(self.file, offset, out)
    }

    /// Bytes from `offset` up to a NUL, at most `limit` of them; `None` when there is no NUL within.
    pub(super) fn read_string(&mut self, offset: u64, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let whole = self.each_piece(offset, limit, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(whole.then_some(bytes))
    }

    /// Gives `take` the pieces of such a string; `false` when there is no NUL within `limit` bytes.
    pub(super) fn each_piece(
        &mut self,
        offset: u64,
        limit: usize,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<bool> {
        let (mut at, mut left) = (offset, limit);
        loop {
            let start = (at % PAGE as u64) as usize;
            let page = self.page(at / PAGE as u64)?;
            let have = page.get(start..).unwrap_or(&[]);
            let have = &have[..have.len().min(left)];
            if let Some(end) = have.iter().position(|b| *b == 0) {
                take(&have[..end]);
                return Ok(true);
            }
            if have.is_empty() {
                return Ok(false);
            }
            take(have);
            left -= have.len();
            at = at.saturating_add(have.len() as u64);
        }
    }

    fn page(&mut self, number: u64) -> io::Result<&[u8]> {
        let slot = &mut self.slots[(number % SLOTS as u64) as usize];
        if slot.as_ref().is_none_or(|(held, _)| *held != number) {
            let start = number.saturating_mul(PAGE as u64);
            let left = self.file.len().saturating_sub(start);
            let mut bytes = vec![0; left.min(PAGE as u64) as usize].into_boxed_slice();
            fill(self.file, start, &mut bytes)?;
            *slot = Some((number, bytes));
        }
        // The slot was filled just above when it did not hold the page.
        Ok(slot.as_ref().map_or(&[], |(_, bytes)| bytes))
    }
}

fn fill(file: &dyn ReadAt, offset: u64, out: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < out.len() {
        match file.read_at(offset + filled as u64, &mut out[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
