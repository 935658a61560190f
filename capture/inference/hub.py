"""Generators on the Hugging Face hub: generator.safetensors, config.json and a model card in one repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData, ModelHubMixin, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from capture.checkpoints.checkpoint import EXPORTED, export_generator
from capture.common.errors import CaptureError
from capture.common.registry import method_class
from capture.inference.transfer import PoseTransfer

LIBRARY = "capture"
CONFIG = "config.json"
CARD = """---
{{ card_data }}
---

# {{ title }}

A generator for cartoon pose transfer: from a picture of a character and a picture of a pose, it renders the character
in that pose at {{ size }}x{{ size }} pixels. The method is {{ title }} ({{ paper }}); {{ parameters }} M parameters.

```python
import capture

character = capture.from_pretrained("{{ repo_id }}")
character("hero.png", "pose.png").save("out.png")
```

`{{ weights }}` holds the weights, with the configuration of the training run in its metadata; `{{ config }}` is that
configuration, for people. No file is executed when it is loaded.
"""


class HubModel(ModelHubMixin, library_name=LIBRARY, tags=["pose-transfer"], pipeline_tag="image-to-image"):
    """A PoseTransfer with huggingface_hub's save_pretrained, push_to_hub and from_pretrained."""

    def __init__(self, transfer: PoseTransfer):
        self.transfer = transfer

    def _save_pretrained(self, save_directory: Path) -> None:
        transfer = self.transfer
        export_generator(save_directory / EXPORTED, transfer.generator.state_dict(), transfer.config)
        (save_directory / CONFIG).write_text(json.dumps(transfer.config, indent=2) + "\n")

    def generate_model_card(self, repo_id: str = "USER/NAME", **options: Any) -> ModelCard:
        """The README.md of the repository."""
        config, generator = self.transfer.config, self.transfer.generator
        method = method_class(config["main_config"]["method"])
        data = ModelCardData(library_name=LIBRARY, tags=["pose-transfer", "cartoon"], pipeline_tag="image-to-image")
        parameters = sum(parameter.numel() for parameter in generator.parameters())
        about = {
            "title": method.title,
            "paper": method.paper,
            "size": self.transfer.size,
            "parameters": f"{parameters / 1e6:.1f}",
            "weights": EXPORTED,
            "config": CONFIG,
            "repo_id": repo_id,
        }
        card: ModelCard = ModelCard.from_template(data, template_str=CARD, **{**about, **options})
        return card

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload to a repository, which is made where there is none; the address of the commit.

        Raises:
            CaptureError: the hub can't be reached, or refuses.
        """
        card = {"repo_id": repo_id, **options.pop("model_card_kwargs", {})}
        try:
            return str(ModelHubMixin.push_to_hub(self, repo_id, model_card_kwargs=card, **options))
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise CaptureError(f"{repo_id}: not uploaded ({_brief(error)})") from None

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        device: str = "auto",
        **_: Any,
    ) -> HubModel:
        if os.path.isdir(model_id):
            return cls(PoseTransfer.load(Path(model_id) / EXPORTED, device))
        path = hf_hub_download(
            model_id,
            EXPORTED,
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
        )
        return cls(PoseTransfer.load(path, device))


def from_pretrained(repo_id: str, **options: Any) -> PoseTransfer:
    """A generator from the hub, or from a folder that `save_pretrained` wrote.

    Raises:
        CaptureError: no such repository or file, or the hub can't be reached.
    """
    try:
        model: HubModel = HubModel.from_pretrained(repo_id, **options)
    except RepositoryNotFoundError:
        raise CaptureError(f"{repo_id}: no such repository on the hub, or a private one: give token=...") from None
    except LocalEntryNotFoundError:
        raise CaptureError(f"{repo_id}: not in the cache, and the hub can't be reached; look at the network") from None
    except EntryNotFoundError:
        raise CaptureError(f"{repo_id}: no {EXPORTED} in this repository; push_to_hub writes it") from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise CaptureError(f"{repo_id}: can't be fetched ({_brief(error)})") from None
    return model.transfer


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
