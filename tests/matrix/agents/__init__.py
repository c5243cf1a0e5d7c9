"""Doubles of the agents that speak HTTP: scripted, strict, with the oddities that real ones have."""

from .aiagent import AIAgent
from .base import Answer, echo
from .openai import OpenAI

__all__ = ["AIAgent", "Answer", "OpenAI", "echo"]
