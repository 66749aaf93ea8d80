//! Finding devices: providers feed one table ([`devices::Devices`]) keyed by id.

pub(crate) mod devices;
