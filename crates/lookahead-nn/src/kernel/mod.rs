//! What convolutions and matrix products are made of: a register tile, and weights in the order in which it reads them.

pub(crate) mod panels;
pub(crate) mod parts;
pub(crate) mod row_sums;
pub(crate) mod tile;
pub(crate) mod transpose;
