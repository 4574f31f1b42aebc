"""``transformers.Trainer`` for relation models: two learning rates, dev scores after each epoch, the best one kept."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from atlop.backends.pytorch import TorchBackend
from atlop.batches import Batch, collate
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, save
from atlop.config import TrainingConfig
from atlop.errors import AtlopError, reason
from atlop.evaluation import evaluate, evaluate_by_identifier
from atlop.extractor import RelationExtractor
from atlop.features import Features, Featurizer
from atlop.folder import SETTINGS
from atlop.kernels import optimize
from atlop.model.relation_model import RelationOutput
from atlop.training.corpora import Corpora
from atlop.training.states import HISTORY, STATES, write_json
from atlop.training.tuning import Margins, score_by_halves, tune
from atlop.type_constraints import UnknownTypes

logger = logging.getLogger(__name__)

SELECTS = "eval_tuned_f1"
"""The score that selects the best epoch; untuned, the F1 of epochs also differs by where their thresholds are."""


def make_arguments(config: TrainingConfig, output: Path, device: torch.device) -> TrainingArguments:
    """Translate a configuration into the arguments of ``transformers.Trainer``."""
    arguments = TrainingArguments(
        output_dir=str(output / STATES),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup,
        max_grad_norm=config.max_gradient_norm,
        weight_decay=config.weight_decay,
        adam_epsilon=config.adam_epsilon,
        bf16=config.precision == "bf16",
        fp16=config.precision == "fp16",
        seed=config.seed,
        eval_strategy="epoch" if config.dev else "no",
        save_strategy="steps" if config.save_every else "epoch",
        save_steps=config.save_every or 500,
        save_total_limit=2,
        logging_steps=50,
        report_to=list(config.report_to) or "none",
        remove_unused_columns=False,
        dataloader_pin_memory=device.type == "cuda",
        use_cpu=device.type == "cpu",
    )
    use_one_gpu(arguments)
    return arguments


def use_one_gpu(arguments: TrainingArguments) -> None:
    """Use one of several GPUs without a launcher; the trainer would split batches, which the model cannot handle."""
    if arguments.n_gpu > 1:
        launcher = f"torchrun --nproc_per_node {arguments.n_gpu} -m atlop train ..."
        logger.warning("%d GPUs found, training on one; to use all of them: %s", arguments.n_gpu, launcher)
        arguments._n_gpu = 1


class SaveAfterScoring(TrainerCallback):
    """Postpones a state that is due at the end of an epoch until the dev documents are scored.

    A run that is resumed from a state does not score the epochs before it again.
    """

    def __init__(self) -> None:
        self.due = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Keep in mind that a state is due, if the epoch ends here."""
        self.due = control.should_save and float(state.epoch or 0.0).is_integer()
        control.should_save = control.should_save and not self.due

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Ask for the state, which the trainer saves after scoring."""
        control.should_save = control.should_save or self.due


class RelationTrainer(Trainer):
    """Trains a relation model, scores it on the dev documents and keeps the best."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        corpora: Corpora,
        config: TrainingConfig,
        output: Path,
        featurizer: Featurizer,
        features: list[Features],
        arguments: TrainingArguments,
    ) -> None:
        self.checkpoint, self.corpora, self.config, self.output = checkpoint, corpora, config, output
        self.featurizer = featurizer
        self.unknown_types = UnknownTypes(checkpoint.labels.type_constraints)
        self.current_gradient_accumulation_steps = 1  # the trainer sets it before each update
        super().__init__(
            model=optimize(checkpoint.model, arguments.device, torch.float32, training=True),
            args=arguments,
            train_dataset=features,
            eval_dataset=corpora.dev,
            data_collator=self.collate,
            compute_loss_func=self.loss,
            callbacks=[SaveAfterScoring()],
        )

    def collate(self, features: list[Features]) -> dict[str, Batch[Tensor] | Tensor | None]:
        """Collate documents into a batch, with the labels also beside it, where the trainer looks for them."""
        padding = self.checkpoint.tokenizer.pad_token_id or 0
        batch = collate(features, self.featurizer.special, padding).to("cpu")
        return {"batch": batch, "labels": batch.labels}

    def loss(self, output: RelationOutput, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Return the contribution of a batch to the loss of an update.

        That is the mean over all pairs of the update, plus the mean over its batches of the losses of heads, which may
        learn from a batch without pairs.

        Args:
            output: what the model computed.
            labels: [P, R].
            num_items_in_batch: number of entries in all labels of the update, as the trainer counts them; 0 if no
                document of the update has a pair.
        """
        batches = self.current_gradient_accumulation_steps * self.accelerator.num_processes
        weight = batches * labels.numel() / num_items_in_batch if num_items_in_batch else 1.0
        loss: Tensor = self.checkpoint.model.loss(output, labels, weight) / batches
        return loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Create AdamW with one learning rate for the encoder and one for the layers above it."""
        if self.optimizer is None:
            named = list(self.checkpoint.model.named_parameters())
            encoder = [weight for name, weight in named if name.startswith("encoder.")]
            above = [weight for name, weight in named if not name.startswith("encoder.")]
            groups = [
                {"params": encoder, "lr": self.config.encoder_learning_rate},
                {"params": above, "lr": self.config.head_learning_rate},
            ]
            decay, epsilon = self.config.weight_decay, self.config.adam_epsilon
            self.optimizer = torch.optim.AdamW(groups, weight_decay=decay, eps=epsilon, fused=True)
        return self.optimizer

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Score the dev documents at the precision of prediction, and save the model if it is the best so far."""
        backend = TorchBackend(self.checkpoint, device=self.args.device, precision="auto")
        extractor = RelationExtractor(backend)
        extractor.unknown_types = self.unknown_types  # one warning in all epochs
        scores, calibration = dev_scores(extractor, self.corpora)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        best = self.best().get(SELECTS, -1.0)
        self.log(dict(metrics))
        if self.is_world_process_zero():
            write_json(self.output / HISTORY, self.state.log_history)
            if metrics[SELECTS] > best or not (self.output / SETTINGS).exists():
                save(replace(self.checkpoint, calibration=calibration), self.output)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Save a state to resume from; a state that cannot be written completely is removed."""
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            state = self.output / STATES / f"checkpoint-{self.state.global_step}"
            shutil.rmtree(state, ignore_errors=True)
            raise AtlopError(f"{state}: the state cannot be saved: {reason(error)}") from error

    def best(self) -> dict[str, float]:
        """Return the scores of the best epoch so far, empty before the first."""
        rows = [row for row in self.state.log_history if SELECTS in row]
        return max(rows, key=lambda row: row[SELECTS], default={})


def dev_scores(extractor: RelationExtractor, corpora: Corpora) -> tuple[dict[str, float], Calibration]:
    """Return a model's scores on the dev documents, as trained and as tuned, and the calibration fitted on them.

    Documents in PubTator format, if there are any, are scored with the calibration.
    """
    gold, labels = corpora.dev, extractor.backend.labels
    scored = list(extractor.scores(gold))
    plain = zip(gold, scored, strict=True)
    scores = evaluate(gold, [document.with_relations(extractor.relations(found)) for document, found in plain])
    result = {"f1": scores.f1, "precision": scores.precision, "recall": scores.recall}
    result |= {f"tuned_{name}": value for name, value in asdict(score_by_halves(scored, gold, labels)).items()}
    extractor.calibration = tune(Margins.of(scored, gold, labels), labels)
    if corpora.dev_pubtator:
        counts = evaluate_by_identifier(corpora.dev_pubtator, list(extractor.predict(corpora.dev_pubtator)))
        result |= {"biocreative_f1": counts.f1, "biocreative_precision": counts.precision}
        result |= {"biocreative_recall": counts.recall}
    return result, extractor.calibration
