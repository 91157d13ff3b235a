//! The pools of a fleet, and a note of those cells in which somebody laid hands on one.

use std::ops::{Deref, Index, IndexMut};

use crate::spec::Fleet;

use super::fleet::{Pool, pools};

/// All pools, cell by cell: that of service `s` in cell `c` is number `c × services + s`.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    pools: Vec<Pool>,
    services: usize,
    /// By cell: whether a pool could have changed since somebody last asked.
    touched: Vec<bool>,
}

impl Pools {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let pools = pools(fleet);
        let services = fleet.services.len();
        Self {
            touched: vec![true; pools.len() / services.max(1)],
            pools,
            services,
        }
    }

    /// The pools of a cell.
    pub(crate) fn of_cell(&self, cell: usize) -> &[Pool] {
        &self.pools[cell * self.services..][..self.services]
    }

    /// Whether a pool of the cell could have changed since somebody last took the note of it.
    pub(crate) fn is_touched(&self, cell: usize) -> bool {
        self.touched[cell]
    }

    /// Whether a pool of the cell could have changed since this was last asked.
    pub(crate) fn take_touched(&mut self, cell: usize) -> bool {
        std::mem::take(&mut self.touched[cell])
    }
}

impl Deref for Pools {
    type Target = [Pool];

    fn deref(&self) -> &[Pool] {
        &self.pools
    }
}

impl Index<usize> for Pools {
    type Output = Pool;

    fn index(&self, pool: usize) -> &Pool {
        &self.pools[pool]
    }
}

/// The only way to change a pool.
impl IndexMut<usize> for Pools {
    fn index_mut(&mut self, pool: usize) -> &mut Pool {
        self.touched[pool / self.services] = true;
        &mut self.pools[pool]
    }
}
