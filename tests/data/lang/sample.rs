//! A crate.
use crate::store::{Row, Table as T};
mod lines;

/// A shelf.
#[derive(Debug)]
pub struct Shelf<T> {
    rows: Vec<T>,
}

impl<T> Shelf<T> {
    /// The best row.
    pub fn best(&self, limit: usize) -> Option<usize> {
        let Some(first) = self.rows.first() else {
            return None;
        };
        match limit {
            0 => None,
            1 | 2 if limit > 1 && true => Some(1),
            _ => {
                while limit > 3 {
                    if limit == 4 {
                        break;
                    }
                }
                Some(2)
            }
        }
    }
}

fn apply() -> i32 {
    let add = |x: i32| if x > 1 { x } else { 0 };
    add(2)
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {}
}
