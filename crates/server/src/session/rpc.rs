//! The rpc command: a call of the back end.

use wavecast_protocol::centrifuge::RpcRequest;

use super::command::Context;
use super::question::Question;
use super::refusal::Refused;
use super::state::Session;
use super::step::Step;
use super::wish::given;
use crate::hooks::RpcCall;

impl Session {
    pub(super) fn rpc<'c>(
        &self,
        id: u32,
        request: &RpcRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        if cx.rules.rpc.is_ping(&request.method) {
            return Ok(Step::RpcResult { id, data: Box::default() });
        }
        let hook = cx.rules.hook_of(&request.method)?;
        let call = RpcCall {
            caller: self.caller(),
            hook,
            method: request.method.as_ref().into(),
            data: given(request.data),
        };
        Ok(Step::Ask(Question::Rpc { id, call }))
    }
}
