//! The tables of `rpmdb.sqlite`, as rpm's own backend makes them.

use mikron_package::DatabaseError;
use rusqlite::{Connection, MAIN_DB, params};

use super::index::{By, Entry, Key, TABLES};

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(error)
    }
}

/// An error of SQLite on its way to the shared error.
struct Failed(rusqlite::Error);

impl From<Failed> for DatabaseError {
    fn from(Failed(error): Failed) -> Self {
        Self::Database(error.to_string())
    }
}

/// A database that is being filled, in memory.
pub(super) struct Database {
    connection: Connection,
}

impl Database {
    /// A database without packages.
    pub(super) fn create() -> Result<Self, DatabaseError> {
        let connection = open()?;
        Ok(Self { connection })
    }

    /// Adds a package under its keys.
    pub(super) fn add(&mut self, header: &[u8], keys: &[Entry]) -> Result<(), DatabaseError> {
        Ok(self.try_add(header, keys)?)
    }

    fn try_add(&mut self, header: &[u8], keys: &[Entry]) -> Result<(), Failed> {
        self.connection
            .execute("INSERT INTO Packages(blob) VALUES(?)", [header])?;
        let number = self.connection.last_insert_rowid();
        for keys in keys.chunk_by(|a, b| a.table == b.table) {
            let name = TABLES[keys[0].table].name;
            let insert = format!("INSERT INTO '{name}' VALUES(?, ?, ?)");
            let mut insert = self.connection.prepare(&insert)?;
            for Entry { key, place, .. } in keys {
                match key {
                    Key::Text(text) => insert.execute(params![text, number, place])?,
                    Key::Bytes(bytes) => insert.execute(params![bytes, number, place])?,
                };
            }
        }
        Ok(())
    }

    /// The file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, DatabaseError> {
        Ok(self.try_finish()?)
    }

    fn try_finish(&mut self) -> Result<Vec<u8>, Failed> {
        self.connection.execute_batch("COMMIT")?;
        Ok(self.connection.serialize(MAIN_DB)?.to_vec())
    }
}

fn open() -> Result<Connection, Failed> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA page_size = 4096; PRAGMA encoding = 'UTF-8'; BEGIN")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)",
    )?;
    for table in &TABLES {
        let (name, kind) = (table.name, table.kind);
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS '{name}' (key '{kind}' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, \
             FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))"
        ))?;
        for by in table.indexes {
            let column = match by {
                By::Key => "key",
                By::Package => "hnum",
            };
            connection.execute_batch(&format!(
                "CREATE INDEX IF NOT EXISTS '{name}_{column}_idx' ON '{name}'({column} ASC)"
            ))?;
        }
    }
    Ok(connection)
}
