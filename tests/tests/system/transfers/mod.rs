//! Transfers that go well, and what a person does with them: everything arrives, at once, in little memory, and once only.
//!
//! Faults of networks, disks and processes have modules of their own.

mod again;
mod allowance;
mod answers;
mod arrive;
mod begin;
mod bench;
mod entries;
mod names;
mod scene;
mod settings;
mod standing;
mod steer;
