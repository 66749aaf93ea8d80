//! Swarms: one content from every peer that has it, and every receiver a source ([`shoal_proto::swarm`] says who says what).
//!
//! [`table`] knows which contents are given from here and to whom; [`content`] is one of them and gives it to its `guests`; [`taking`] takes one, and tells
//! [`crate::transfer::pull`] what came. [`held`] reads what was received so far. [`holders`] are others who have
//! what is fetched, [`looked_for`] what of it they are asked for. Decisions are made in `shoal_proto::swarm`.

pub(crate) mod content;
pub(crate) mod converse;
mod guests;
pub(crate) mod held;
pub(crate) mod holders;
pub(crate) mod known;
pub(crate) mod layers;
pub(crate) mod looked_for;
pub(crate) mod table;
pub(crate) mod take;
pub(crate) mod taking;
pub(crate) mod talk;
pub(crate) mod told;

#[cfg(test)]
mod tests;
