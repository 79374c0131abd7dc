"""The peer: the same model in plain PyTorch, with a Python loop over steps."""

from typing import Any

import torch
from torch import nn

BEGIN, END = 2, 3


class TorchSeq2Seq(nn.Module):
    """Bidirectional GRU, GRU decoder with additive attention and input feeding.

    Written as tutorials write it: modules of ``torch.nn``, and in each step of the
    decoder the attention, the cell and the projection to the symbols.

    Args:
        source: The number of source symbols.
        target: The number of target symbols.
        units: The width of the recurrent layers.
        width: The width of the embeddings.
    """

    def __init__(self, source: int, target: int, units: int, width: int) -> None:
        super().__init__()
        self.source = nn.Embedding(source, width, padding_idx=0)
        self.target = nn.Embedding(target, width, padding_idx=0)
        self.encoder = nn.GRU(width, units, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * units, units)
        self.cell = nn.GRUCell(width + units, units)
        self.query = nn.Linear(units, units)
        self.key = nn.Linear(2 * units, units, bias=False)
        self.scale = nn.Linear(units, 1, bias=False)
        self.output = nn.Linear(3 * units, units)
        self.prediction = nn.Linear(units, target)

    def forward(self, source: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Logits ``(batch, steps, symbols)``."""
        *read, state, fed = self.encode(source)
        embedded = self.target(told)
        logits = []
        for step in range(told.shape[1]):
            state, fed, _ = self.step(embedded[:, step], state, fed, read)
            logits.append(self.prediction(fed))
        return torch.stack(logits, dim=1)

    def encode(self, source: torch.Tensor) -> tuple[Any, ...]:
        """Memory, projected keys, mask, first state and first fed output."""
        memory, last = self.encoder(self.source(source))
        state = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=-1)))
        return memory, self.key(memory), source == 0, state, torch.zeros_like(state)

    def step(self, told: Any, state: Any, fed: Any, read: Any) -> tuple[Any, Any, Any]:
        """The next state, the output, and where it looked."""
        memory, keys, mask = read
        state = self.cell(torch.cat([told, fed], dim=-1), state)
        scores = self.scale(torch.tanh(self.query(state)[:, None] + keys))[..., 0]
        weights = torch.softmax(scores.masked_fill(mask, -1e9), dim=-1)
        context = torch.bmm(weights[:, None], memory)[:, 0]
        return state, torch.tanh(self.output(torch.cat([state, context], -1))), weights

    @torch.no_grad()
    def search(
        self, source: torch.Tensor, steps: int, beam: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best hypotheses and their weights, by a loop over steps."""
        batch = source.shape[0]
        held = [each.repeat_interleave(beam, dim=0) for each in self.encode(source)]
        *read, state, fed = held
        here = source.device
        symbols = torch.full((batch * beam, 1), BEGIN, device=here)
        total = torch.full((batch, beam), -1e9, device=here)
        total[:, 0] = 0.0
        seen = torch.zeros(batch * beam, 0, source.shape[1], device=here)
        ended = torch.zeros(batch * beam, dtype=torch.bool, device=here)
        for _ in range(steps):
            told = self.target(symbols[:, -1])
            state, fed, weights = self.step(told, state, fed, read)
            gains = torch.log_softmax(self.prediction(fed), dim=-1)
            gains[ended] = -1e9
            gains[ended, 0] = 0.0
            ranks = (total[..., None] + gains.view(batch, beam, -1)).view(batch, -1)
            total, places = ranks.topk(beam, dim=-1)
            rows = torch.arange(batch, device=here)[:, None] * beam
            parents = (places // gains.shape[-1] + rows).view(-1)
            written = (places % gains.shape[-1]).view(-1, 1)
            symbols = torch.cat([symbols[parents], written], dim=1)
            seen = torch.cat([seen, weights[:, None]], dim=1)[parents]
            state, fed = state[parents], fed[parents]
            ended = ended[parents] | (written[:, 0] == END)
            if bool(ended.all()):
                break
        return symbols, seen
