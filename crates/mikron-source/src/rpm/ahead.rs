//! Reading ahead: one thread unpacks and checks, another one parses.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Bytes are handed over in pieces of this size.
const PIECE: usize = 128 << 10;

/// So many pieces may wait.
const QUEUE: usize = 16;

/// A stream that another thread reads ahead.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Ahead {
    /// Begins to read `input` on a thread of its own. The thread ends with the input, or when nobody wants more of it.
    pub(super) fn of<'scope, R: Read + Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        mut input: R,
    ) -> Self {
        let (sender, pieces) = sync_channel(QUEUE);
        scope.spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match input.read(&mut piece) {
                    Ok(0) => break,
                    Ok(n) => {
                        piece.truncate(n);
                        Ok(piece)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if sender.send(read).is_err() || failed {
                    break;
                }
            }
        });
        Self {
            pieces,
            piece: Vec::new(),
            at: 0,
        }
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.len() {
            // Where nobody sends any more, the stream has ended.
            self.piece = self.pieces.recv().unwrap_or_else(|_| Ok(Vec::new()))?;
            self.at = 0;
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.piece.len().min(self.at + amount);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}
