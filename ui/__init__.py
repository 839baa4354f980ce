"""The pages: Gradio and nothing else. Each tab reads its inputs, calls one service method and shows the result."""
