//! The plane through three fast weights of a run (Fig. 1).

mod made;
mod path;
mod plane;
