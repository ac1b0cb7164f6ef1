use crate::{Capabilities, Limits, Lookup, ReleaseInfo, RenderChart, RenderError};
use serde_json::Value as Json;
use std::collections::BTreeMap;

pub(crate) fn render(
    _chart: &RenderChart,
    _values: &Json,
    _release: &ReleaseInfo,
    _capabilities: &Capabilities,
    _lookup: &dyn Lookup,
    _limits: &Limits,
) -> Result<BTreeMap<String, String>, RenderError> {
    Ok(BTreeMap::new())
}
